# 所有邮件共用

mail-code = 或在刚才的页面输入此验证码：
mail-expiry = 链接将在 { $lifetime }后失效。
mail-expiry-code = 链接将在 { $lifetime }后失效，验证码将在 { $code-lifetime }后失效。
mail-link = 如果按钮无法点击，请将以下链接复制到浏览器中打开：
mail-requested = 请求详情
mail-time = 时间
mail-device = 设备
mail-ip = IP 地址
mail-row = { $label }：{ $value }
mail-more = 此后不久又发生了 { $more } 次。
mail-why-account = 此邮件与你的 { $service } 账户有关，因此发送至 { $to }。请勿直接回复。
mail-why-entered = 有人在 { $service } 填写了邮箱地址 { $to }，因此你会收到此邮件。请勿直接回复。

lifetime-minutes = { $count } 分钟
lifetime-hours = { $count } 小时
lifetime-days = { $count } 天

# 用户请求的邮件

verify-email-subject = 验证你的 { $service } 账户邮箱
verify-email-preview = 请在 { $lifetime }内完成验证。
verify-email-title = 验证你的邮箱
verify-email-text = 感谢你注册 { $service }。请完成邮箱验证。
verify-email-action = 验证邮箱
verify-email-otherwise = 如果你没有注册 { $service }，请忽略此邮件，该邮箱不会通过验证。

reset-password-subject = 重置你的 { $service } 密码
reset-password-preview = 链接将在 { $lifetime }后失效。如果不是你本人操作，请忽略此邮件。
reset-password-title = 重置密码
reset-password-text = 我们收到了重置你 { $service } 账户密码的请求。设置新密码后，你将在所有设备上退出登录。
reset-password-action = 设置新密码
reset-password-otherwise = 如果不是你本人操作，请忽略此邮件，你的密码不会更改。

sign-in-subject = 登录 { $service }
sign-in-preview = 登录链接将在 { $lifetime }后失效。
sign-in-title = 登录 { $service }
sign-in-text = 以下是你请求的 { $service } 登录链接。
sign-in-action = 登录
sign-in-otherwise = 如果不是你本人操作，请忽略此邮件。请勿将验证码告诉任何人，包括自称 { $service } 工作人员的人。

change-email-subject = 验证你的 { $service } 账户新邮箱
change-email-preview = 请在 { $lifetime }内完成更换。
change-email-title = 验证你的新邮箱
change-email-text = 你申请将此邮箱用于你的 { $service } 账户。完成验证后，更换即可生效。
change-email-action = 验证邮箱
change-email-otherwise = 如果不是你本人操作，请忽略此邮件，你的账户不会有任何更改。

already-registered-subject = 你已有 { $service } 账户
already-registered-preview = 请直接登录，或重置密码。
already-registered-title = 你已有账户
already-registered-text = 有人尝试使用此邮箱注册 { $service }，但该邮箱已有账户。如果是你本人，请直接登录；如果忘记了密码，可在登录页面重置。
already-registered-action = 登录
already-registered-otherwise = 如果不是你本人操作，请忽略此邮件，你的账户没有任何变化。

invitation-subject = 你已受邀使用 { $service }
invitation-preview = 请在 { $lifetime }内设置密码，启用你的账户。
invitation-title = 你已受邀使用 { $service }
invitation-text = 我们已为你创建 { $service } 账户。设置密码后即可开始使用。
invitation-action = 设置密码
invitation-otherwise = 如果你对此邀请并不知情，请忽略此邮件。

sign-in-blocked-subject = 你的 { $service } 账户登录受限
sign-in-blocked-preview = 使用此链接可在任何地方登录。链接将在 { $lifetime }后失效。
sign-in-blocked-title = 你的账户登录受限
sign-in-blocked-text = 有人多次输错你的 { $service } 账户密码。为保护账户安全，目前仅允许在你曾登录过的设备和网络上使用密码登录。使用此链接，你可以在任何地方登录。
sign-in-blocked-action = 登录
sign-in-blocked-otherwise = 这些尝试均未成功。如果你的密码较短，或在其他网站也使用相同的密码，请在登录后更改密码。

# 安全通知

new-sign-in-subject = { $service } 新登录提醒
new-sign-in-preview = { $when }。如果不是你本人操作，请立即更改密码。
new-sign-in-title = 你的账户有新的登录
new-sign-in-text = 有人使用新设备登录了你的 { $service } 账户。
new-sign-in-action = 设置新密码
new-sign-in-otherwise = 如果是你本人操作，无需处理。如果不是，请立即设置新密码，所有设备都将退出登录。

password-changed-subject = 你的 { $service } 密码已更改
password-changed-preview = { $when }。如果不是你本人操作，请立即重新设置。
password-changed-title = 你的密码已更改
password-changed-text = 你的 { $service } 账户密码已更改。
password-changed-action = 设置新密码
password-changed-otherwise = 如果是你本人操作，无需处理。如果不是，请立即设置新密码，所有设备都将退出登录。

email-changed-subject = 你的 { $service } 账户邮箱已更换
email-changed-preview = { $when }。如果不是你本人操作，请立即联系 { $service }。
email-changed-title = 你的邮箱已更换
email-changed-text = 你的 { $service } 账户邮箱已更换为 { $email }。
email-changed-action = 前往 { $service }
email-changed-otherwise = 如果是你本人操作，无需处理。如果不是，请立即联系 { $service }：你将不再收到与该账户有关的邮件。

account-deleted-subject = 你的 { $service } 账户已删除
account-deleted-preview = { $when }。如果不是你本人操作，请立即联系 { $service }。
account-deleted-title = 你的账户已删除
account-deleted-text = 你的 { $service } 账户及其中保存的所有数据均已删除。
account-deleted-action = 前往 { $service }
account-deleted-otherwise = 如果是你本人操作，无需处理。如果不是，请立即联系 { $service }：你的密码可能已经泄露。
