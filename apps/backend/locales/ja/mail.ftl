# すべてのメールに共通

mail-code = または、お手続き中の画面で次のコードを入力してください。
mail-expiry = リンクの有効期限は { $lifetime }です。
mail-expiry-code = 有効期限は、リンクが { $lifetime }、コードが { $code-lifetime }です。
mail-link = ボタンを押しても開かない場合は、次のリンクをブラウザーに貼り付けてください。
mail-requested = リクエストの詳細
mail-time = 日時
mail-device = デバイス
mail-ip = IP アドレス
mail-row = { $label }：{ $value }
mail-more = その後まもなく、同じ操作がさらに { $more } 回ありました。
mail-why-account = このメールは、お使いの { $service } アカウントに関するお知らせとして { $to } にお送りしています。このメールへの返信には対応していません。
mail-why-entered = このメールは、{ $service } でこのメールアドレスが入力されたため、{ $to } にお送りしています。このメールへの返信には対応していません。

lifetime-minutes = { $count } 分
lifetime-hours = { $count } 時間
lifetime-days = { $count } 日

# リクエストに応じて送るメール

verify-email-subject = { $service }：メールアドレスの確認
verify-email-preview = { $lifetime }以内にメールアドレスの確認を完了してください。
verify-email-title = メールアドレスの確認
verify-email-text = { $service } にご登録いただき、ありがとうございます。メールアドレスの確認を完了してください。
verify-email-action = メールアドレスを確認
verify-email-otherwise = { $service } に登録した覚えがない場合は、このメールを無視してください。メールアドレスは未確認のままになります。

reset-password-subject = { $service }：パスワードの再設定
reset-password-preview = リンクの有効期限は { $lifetime }です。心当たりがない場合は無視してください。
reset-password-title = パスワードの再設定
reset-password-text = { $service } アカウントのパスワード再設定のリクエストを受け付けました。新しいパスワードを設定すると、すべてのデバイスからログアウトします。
reset-password-action = 新しいパスワードを設定
reset-password-otherwise = 心当たりがない場合は、このメールを無視してください。パスワードは変更されません。

sign-in-subject = { $service }：ログイン用リンク
sign-in-preview = ログイン用リンクの有効期限は { $lifetime }です。
sign-in-title = { $service } にログイン
sign-in-text = { $service } アカウントにログインするためのリンクをお送りします。
sign-in-action = ログイン
sign-in-otherwise = 心当たりがない場合は、このメールを無視してください。{ $service } の関係者を名乗る相手であっても、コードは絶対に教えないでください。

change-email-subject = { $service }：新しいメールアドレスの確認
change-email-preview = { $lifetime }以内に変更を完了してください。
change-email-title = 新しいメールアドレスの確認
change-email-text = { $service } アカウントのメールアドレスをこちらに変更するリクエストを受け付けました。メールアドレスの確認が済むと、変更が完了します。
change-email-action = メールアドレスを確認
change-email-otherwise = 心当たりがない場合は、このメールを無視してください。何も変更されません。

already-registered-subject = { $service } のアカウントはすでに登録されています
already-registered-preview = ログインするか、パスワードを再設定してください。
already-registered-title = アカウントはすでに登録されています
already-registered-text = このメールアドレスで { $service } に新規登録しようとする操作がありましたが、アカウントはすでに登録されています。ご本人の場合は、そのままログインしてください。パスワードをお忘れの場合は、ログイン画面から再設定できます。
already-registered-action = ログイン
already-registered-otherwise = 心当たりがない場合は、このメールを無視してください。アカウントは変更されていません。

invitation-subject = { $service } への招待
invitation-preview = { $lifetime }以内にパスワードを設定してください。
invitation-title = { $service } に招待されました
invitation-text = { $service } にあなたのアカウントが作成されました。パスワードを設定すると、すぐに利用できます。
invitation-action = パスワードを設定
invitation-otherwise = 招待に心当たりがない場合は、このメールを無視してください。

sign-in-blocked-subject = { $service } へのログインを制限しています
sign-in-blocked-preview = このリンクを使うと、どこからでもログインできます。有効期限は { $lifetime }です。
sign-in-blocked-title = アカウントへのログインを制限しています
sign-in-blocked-text = { $service } アカウントに対して、誤ったパスワードが何度も入力されました。アカウントを保護するため、現在、パスワードによるログインは、以前ログインしたことのあるデバイスとネットワークからのみ受け付けています。このリンクを使うと、どこからでもログインできます。
sign-in-blocked-action = ログイン
sign-in-blocked-otherwise = ログインの試行は、いずれも失敗しています。パスワードが短い場合や、ほかのサービスでも使っている場合は、ログイン後に変更してください。

# セキュリティに関するお知らせ

new-sign-in-subject = { $service } への新しいログイン
new-sign-in-preview = { $when }。心当たりがない場合は、パスワードを変更してください。
new-sign-in-title = 新しいログインがありました
new-sign-in-text = これまで使われたことのないデバイスから、{ $service } アカウントへのログインがありました。
new-sign-in-action = 新しいパスワードを設定
new-sign-in-otherwise = ご本人の場合は、何もする必要はありません。心当たりがない場合は、すぐに新しいパスワードを設定してください。設定すると、すべてのデバイスからログアウトします。

password-changed-subject = { $service } のパスワードが変更されました
password-changed-preview = { $when }。心当たりがない場合は、すぐに再設定してください。
password-changed-title = パスワードが変更されました
password-changed-text = { $service } アカウントのパスワードが変更されました。
password-changed-action = 新しいパスワードを設定
password-changed-otherwise = ご本人の場合は、何もする必要はありません。心当たりがない場合は、すぐに新しいパスワードを設定してください。設定すると、すべてのデバイスからログアウトします。

email-changed-subject = { $service } アカウントのメールアドレスが変更されました
email-changed-preview = { $when }。心当たりがない場合は、すぐに { $service } へご連絡ください。
email-changed-title = メールアドレスが変更されました
email-changed-text = { $service } アカウントのメールアドレスが { $email } に変更されました。
email-changed-action = { $service } を開く
email-changed-otherwise = ご本人の場合は、何もする必要はありません。心当たりがない場合は、すぐに { $service } へご連絡ください。今後、このアカウントに関するメールはこちらに届きません。

account-deleted-subject = { $service } のアカウントが削除されました
account-deleted-preview = { $when }。心当たりがない場合は、すぐに { $service } へご連絡ください。
account-deleted-title = アカウントが削除されました
account-deleted-text = { $service } アカウントと、保存されていたすべてのデータが削除されました。
account-deleted-action = { $service } を開く
account-deleted-otherwise = ご本人の場合は、何もする必要はありません。心当たりがない場合は、パスワードが第三者に知られていた可能性があります。すぐに { $service } へご連絡ください。
