mail-code = または、次のコードを入力してください（10 分間有効）：
mail-footer = このメールは、{ $service } にこのアドレスが入力されたため { $to } に送信されました。返信されても確認できません。
mail-event = 日時：{ $when }。端末：{ $device }。IP アドレス：{ $address }。
mail-more = その後まもなく、さらに { $more } 回ありました。

verify-email-subject = { $service } のメールアドレスの確認
verify-email-text = このアドレスで { $service } への登録がありました。ご本人の場合は、アドレスを確認してください。
verify-email-action = アドレスを確認する
verify-email-otherwise = お心当たりがない場合は、何もしないでください。確認されない限り、アドレスは未確認のままです。リンクは { $hours } 時間有効です。

reset-password-subject = { $service } の新しいパスワードの設定
reset-password-text = { $service } のアカウントについて、新しいパスワードの設定が求められました。設定すると、すべての端末からログアウトします。
reset-password-action = 新しいパスワードを設定する
reset-password-otherwise = お心当たりがない場合は、何もしないでください。パスワードは変わりません。リンクは { $minutes } 分間、一度だけ有効です。

sign-in-subject = { $service } へのログイン
sign-in-text = このメールを使って { $service } のアカウントにログインしようとしています。
sign-in-action = ログインする
sign-in-otherwise = お心当たりがない場合は、何もせず、コードを誰にも教えないでください。リンクは { $minutes } 分間、一度だけ有効です。

change-email-subject = { $service } の新しいメールアドレスの確認
change-email-text = このアドレスを { $service } のアカウントで使おうとしています。ご本人の場合は、アドレスを確認してください。
change-email-action = このアドレスを使う
change-email-otherwise = お心当たりがない場合は、何もしないでください。何も変わりません。リンクは { $minutes } 分間有効です。

already-registered-subject = { $service } のアカウントは登録済みです
already-registered-text = すでにアカウントのあるこのアドレスで、{ $service } への登録が試みられました。ご本人の場合は、ログインしてください。パスワードをお忘れの場合は、そこで新しく設定できます。
already-registered-action = ログインする
already-registered-otherwise = お心当たりがない場合は、何もしないでください。アカウントに変更はありません。

invitation-subject = { $service } への招待
invitation-text = { $service } のアカウントが作成されました。パスワードを設定してご利用ください。
invitation-action = パスワードを設定する
invitation-otherwise = お心当たりがない場合は、何もしないでください。リンクは { $hours } 時間、一度だけ有効です。

new-sign-in-subject = { $service } への新しいログイン
new-sign-in-text = 初めての端末から { $service } のアカウントへのログインがありました。
new-sign-in-action = 新しいパスワードを設定する
new-sign-in-otherwise = ご本人の場合は、何もする必要はありません。そうでない場合は、すぐに新しいパスワードを設定してください。すべての端末からログアウトします。

password-changed-subject = { $service } のパスワードが変更されました
password-changed-text = { $service } のアカウントのパスワードが変更されました。
password-changed-action = 新しいパスワードを設定する
password-changed-otherwise = ご本人の場合は、何もする必要はありません。そうでない場合は、すぐに新しいパスワードを設定してください。すべての端末からログアウトします。

email-changed-subject = { $service } のメールアドレスが変更されました
email-changed-text = { $service } のアカウントのアドレスが { $email } に変更されました。
email-changed-action = ヘルプ
email-changed-otherwise = ご本人の場合は、何もする必要はありません。そうでない場合は、すぐに { $service } の運営者にご連絡ください。アカウントのメールは今後こちらに届きません。

account-deleted-subject = { $service } のアカウントが削除されました
account-deleted-text = { $service } のアカウントと、保存されていたすべてのデータが削除されました。
account-deleted-action = { $service } を開く
account-deleted-otherwise = ご本人の場合は、何もする必要はありません。そうでない場合は、パスワードが知られているおそれがあります。すぐに { $service } の運営者にご連絡ください。

sign-in-blocked-subject = { $service } へのログインを制限しています
sign-in-blocked-text = { $service } のアカウントで、誤ったパスワードが何度も入力されました。アカウントを保護するため、現在は過去にログインしたことのある端末またはネットワークからのパスワードだけを受け付けています。このリンクを使うと、どこからでもログインできます。
sign-in-blocked-action = ログインする
sign-in-blocked-otherwise = リンクは { $hours } 時間、一度だけ有効です。パスワードは破られていません。短いパスワードや使い回しのパスワードをお使いの場合は、ログイン後に変更してください。
