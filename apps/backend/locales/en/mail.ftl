# Shared by all emails

mail-code = Or enter this code on the page that asks for it:
mail-expiry = This link expires in { $lifetime }.
mail-expiry-code = The link expires in { $lifetime }, the code in { $code-lifetime }.
mail-link = If the button doesn’t work, copy this link into your browser:
mail-requested = Request details
mail-time = Time
mail-device = Device
mail-ip = IP address
mail-row = { $label }: { $value }
mail-more = { $more ->
        [one] This happened once more shortly afterward.
       *[other] This happened { $more } more times shortly afterward.
    }
mail-why-account = We sent this email to { $to } because it’s about your { $service } account. Replies aren’t monitored.
mail-why-entered = We sent this email to { $to } because someone entered this email address on { $service }. Replies aren’t monitored.

lifetime-minutes = { $count ->
        [one] 1 minute
       *[other] { $count } minutes
    }
lifetime-hours = { $count ->
        [one] 1 hour
       *[other] { $count } hours
    }
lifetime-days = { $count ->
        [one] 1 day
       *[other] { $count } days
    }

# Emails that were requested

verify-email-subject = Confirm your email address for { $service }
verify-email-preview = Confirm within { $lifetime } that this email address is yours.
verify-email-title = Confirm your email address
verify-email-text = Thanks for signing up for { $service }. Please confirm that this email address is yours.
verify-email-action = Confirm email address
verify-email-otherwise = If you didn’t sign up for { $service }, you can ignore this email. The email address won’t be confirmed.

reset-password-subject = Reset your { $service } password
reset-password-preview = This link expires in { $lifetime }. Didn’t request it? You can ignore this email.
reset-password-title = Reset your password
reset-password-text = We received a request to reset the password for your { $service } account. Setting a new password signs you out on all devices.
reset-password-action = Set a new password
reset-password-otherwise = If you didn’t request this, you can ignore this email. Your password won’t change.

sign-in-subject = Sign in to { $service }
sign-in-preview = Your sign-in link expires in { $lifetime }.
sign-in-title = Sign in to { $service }
sign-in-text = Here’s the sign-in link you requested for your { $service } account.
sign-in-action = Sign in
sign-in-otherwise = If you didn’t request this, you can ignore this email. Never share the code, even with someone who says they work for { $service }.

change-email-subject = Confirm your new email address for { $service }
change-email-preview = Confirm within { $lifetime } to finish the change.
change-email-title = Confirm your new email address
change-email-text = You asked to use this email address for your { $service } account. Confirm that it’s yours to finish the change.
change-email-action = Confirm email address
change-email-otherwise = If you didn’t request this, you can ignore this email. Nothing will change.

already-registered-subject = You already have a { $service } account
already-registered-preview = Sign in instead, or reset your password.
already-registered-title = You already have an account
already-registered-text = Someone tried to sign up for { $service } with this email address, which already has an account. If this was you, sign in instead. If you’ve forgotten your password, you can reset it on the sign-in page.
already-registered-action = Sign in
already-registered-otherwise = If this wasn’t you, you can ignore this email. Your account hasn’t changed.

invitation-subject = You’ve been invited to { $service }
invitation-preview = Choose a password within { $lifetime } to start using your account.
invitation-title = You’ve been invited to { $service }
invitation-text = An account has been created for you on { $service }. Choose a password to start using it.
invitation-action = Choose a password
invitation-otherwise = If you weren’t expecting an invitation, you can ignore this email.

sign-in-blocked-subject = We’ve restricted sign-in to your { $service } account
sign-in-blocked-preview = Use this link to sign in from anywhere. It expires in { $lifetime }.
sign-in-blocked-title = We’ve restricted sign-in to your account
sign-in-blocked-text = There have been many failed attempts to sign in to your { $service } account. To protect it, we now accept passwords only from devices and networks you’ve signed in from before. You can use this link to sign in from anywhere.
sign-in-blocked-action = Sign in
sign-in-blocked-otherwise = None of the attempts succeeded. If your password is short or you use it elsewhere, change it after you sign in.

# Security notices

new-sign-in-subject = New sign-in to { $service }
new-sign-in-preview = { $when }. If this wasn’t you, set a new password.
new-sign-in-title = New sign-in to your account
new-sign-in-text = Someone signed in to your { $service } account from a device we hadn’t seen before.
new-sign-in-action = Set a new password
new-sign-in-otherwise = If this was you, you don’t need to do anything. If it wasn’t, set a new password now. This signs you out on all devices.

password-changed-subject = Your { $service } password was changed
password-changed-preview = { $when }. If this wasn’t you, set a new password.
password-changed-title = Your password was changed
password-changed-text = The password for your { $service } account was changed.
password-changed-action = Set a new password
password-changed-otherwise = If this was you, you don’t need to do anything. If it wasn’t, set a new password now. This signs you out on all devices.

email-changed-subject = Your { $service } email address was changed
email-changed-preview = { $when }. If this wasn’t you, contact { $service } right away.
email-changed-title = Your email address was changed
email-changed-text = The email address for your { $service } account was changed to { $email }.
email-changed-action = Go to { $service }
email-changed-otherwise = If this was you, you don’t need to do anything. If it wasn’t, contact { $service } right away: you won’t get any more emails about this account.

account-deleted-subject = Your { $service } account was deleted
account-deleted-preview = { $when }. If this wasn’t you, contact { $service } right away.
account-deleted-title = Your account was deleted
account-deleted-text = Your { $service } account was deleted, along with everything stored in it.
account-deleted-action = Go to { $service }
account-deleted-otherwise = If this was you, you don’t need to do anything. If it wasn’t, contact { $service } right away: someone may know your password.
