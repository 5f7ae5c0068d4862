mail-code = Or type this code. It works for 10 minutes:
mail-footer = This mail went to { $to }, because somebody gave this address to { $service }. Nobody reads answers to it.
mail-event = Time: { $when }. Device: { $device }. IP address: { $address }.
mail-more = { $more ->
        [one] It happened once more shortly afterwards.
       *[other] It happened { $more } more times shortly afterwards.
    }

verify-email-subject = Confirm your address for { $service }
verify-email-text = Somebody signed up at { $service } with this address. If it was you, confirm that the address is yours.
verify-email-action = Confirm the address
verify-email-otherwise = If it was not you, do nothing: without your confirmation the address counts as unproven. The link works for { $hours } hours.

reset-password-subject = Set a new password for { $service }
reset-password-text = Somebody asked for a new password for your account at { $service }. Setting it signs you out on all devices.
reset-password-action = Set a new password
reset-password-otherwise = If it was not you, do nothing: your password stays as it is. The link works for { $minutes } minutes, once.

sign-in-subject = Sign in to { $service }
sign-in-text = Somebody wants to sign in to your account at { $service } by this mail.
sign-in-action = Sign in
sign-in-otherwise = If it was not you, do nothing, and give the code to nobody who asks for it. The link works for { $minutes } minutes, once.

change-email-subject = Confirm your new address for { $service }
change-email-text = Somebody wants to use this address for an account at { $service }. If it was you, confirm that the address is yours.
change-email-action = Use this address
change-email-otherwise = If it was not you, do nothing: nothing changes. The link works for { $minutes } minutes.

already-registered-subject = You have an account at { $service } already
already-registered-text = Somebody tried to sign up at { $service } with this address, which has an account already. If it was you, sign in instead; if you forgot your password, you can set a new one there.
already-registered-action = Sign in
already-registered-otherwise = If it was not you, do nothing: your account is as it was.

invitation-subject = You are invited to { $service }
invitation-text = An account at { $service } was made for you. Choose a password to use it.
invitation-action = Choose a password
invitation-otherwise = If you do not know what this is about, do nothing. The link works for { $hours } hours, once.

new-sign-in-subject = New sign-in to { $service }
new-sign-in-text = Somebody signed in to your account at { $service } from a device that we had not seen before.
new-sign-in-action = Set a new password
new-sign-in-otherwise = If it was you, there is nothing to do. If not, set a new password now: that signs everybody out.

password-changed-subject = Your password for { $service } was changed
password-changed-text = The password of your account at { $service } was changed.
password-changed-action = Set a new password
password-changed-otherwise = If it was you, there is nothing to do. If not, set a new password now: that signs everybody out.

email-changed-subject = Your address for { $service } was changed
email-changed-text = Your account at { $service } has another address now: { $email }.
email-changed-action = Get help
email-changed-otherwise = If it was you, there is nothing to do. If not, turn to whoever runs { $service } at once: mails about the account do not reach you any more.

account-deleted-subject = Your account at { $service } was deleted
account-deleted-text = Your account at { $service } was deleted, with everything that was stored for it.
account-deleted-action = Go to { $service }
account-deleted-otherwise = If this was you, there is nothing to do. If not, contact { $service } right away: someone knew your password.

sign-in-blocked-subject = Sign-in to your { $service } account is limited
sign-in-blocked-text = Someone entered a wrong password for your account at { $service } many times. To protect it, passwords are now accepted only from devices and networks that you signed in from before. This link signs you in anywhere.
sign-in-blocked-action = Sign in
sign-in-blocked-otherwise = The link works for { $hours } hours, once. Your password was not guessed. If it is short or you use it elsewhere, set a new one after signing in.
