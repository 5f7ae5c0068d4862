mail-code = 或者输入此验证码，10 分钟内有效：
mail-footer = 此邮件发送至 { $to }，因为有人在 { $service } 填写了该地址。请勿回复此邮件。
mail-event = 时间：{ $when }。设备：{ $device }。IP 地址：{ $address }。
mail-more = 此后不久又发生了 { $more } 次。

verify-email-subject = 请确认您在 { $service } 的邮箱地址
verify-email-text = 有人使用此地址注册了 { $service }。如果是您本人，请确认该地址属于您。
verify-email-action = 确认地址
verify-email-otherwise = 如果不是您本人，请忽略此邮件：未经您确认，该地址将保持未验证状态。链接在 { $hours } 小时内有效。

reset-password-subject = 重设 { $service } 的密码
reset-password-text = 有人请求为您的 { $service } 账户设置新密码。设置后，所有设备都将退出登录。
reset-password-action = 设置新密码
reset-password-otherwise = 如果不是您本人，请忽略此邮件：您的密码不会改变。链接在 { $minutes } 分钟内有效，且只能使用一次。

sign-in-subject = 登录 { $service }
sign-in-text = 有人希望通过此邮件登录您的 { $service } 账户。
sign-in-action = 登录
sign-in-otherwise = 如果不是您本人，请忽略此邮件，也不要把验证码告诉任何人。链接在 { $minutes } 分钟内有效，且只能使用一次。

change-email-subject = 请确认您在 { $service } 的新邮箱地址
change-email-text = 有人希望将此地址用于 { $service } 的账户。如果是您本人，请确认该地址属于您。
change-email-action = 使用此地址
change-email-otherwise = 如果不是您本人，请忽略此邮件：一切都不会改变。链接在 { $minutes } 分钟内有效。

already-registered-subject = 您已拥有 { $service } 账户
already-registered-text = 有人尝试用此地址注册 { $service }，但该地址已有账户。如果是您本人，请直接登录；如果忘记了密码，可以在那里设置新密码。
already-registered-action = 登录
already-registered-otherwise = 如果不是您本人，请忽略此邮件：您的账户没有任何变化。

invitation-subject = 邀请您加入 { $service }
invitation-text = 已为您创建 { $service } 账户。请设置密码后使用。
invitation-action = 设置密码
invitation-otherwise = 如果您不清楚此事，请忽略此邮件。链接在 { $hours } 小时内有效，且只能使用一次。

new-sign-in-subject = { $service } 有新的登录
new-sign-in-text = 有人从一台我们未曾见过的设备登录了您的 { $service } 账户。
new-sign-in-action = 设置新密码
new-sign-in-otherwise = 如果是您本人，无需任何操作。如果不是，请立即设置新密码：所有登录都将退出。

password-changed-subject = 您的 { $service } 密码已更改
password-changed-text = 您的 { $service } 账户密码已更改。
password-changed-action = 设置新密码
password-changed-otherwise = 如果是您本人，无需任何操作。如果不是，请立即设置新密码：所有登录都将退出。

email-changed-subject = 您在 { $service } 的邮箱地址已更改
email-changed-text = 您的 { $service } 账户现在使用另一个地址：{ $email }。
email-changed-action = 获取帮助
email-changed-otherwise = 如果是您本人，无需任何操作。如果不是，请立即联系 { $service } 的运营者：有关该账户的邮件将不再发送给您。

account-deleted-subject = 您的 { $service } 账户已删除
account-deleted-text = 您的 { $service } 账户及其保存的所有数据均已删除。
account-deleted-action = 前往 { $service }
account-deleted-otherwise = 如果是您本人，无需任何操作。如果不是，说明有人知道您的密码，请立即联系 { $service }。

sign-in-blocked-subject = 您的 { $service } 账户登录受限
sign-in-blocked-text = 有人多次为您的 { $service } 账户输入错误的密码。为保护账户，目前仅接受从您曾登录过的设备和网络输入的密码。使用此链接，您可以在任何地方登录。
sign-in-blocked-action = 登录
sign-in-blocked-otherwise = 链接在 { $hours } 小时内有效，且只能使用一次。您的密码并未被猜中。如果密码较短或在别处也使用，请在登录后更换。
