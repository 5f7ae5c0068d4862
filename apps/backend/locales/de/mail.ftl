mail-code = Oder gib diesen Code ein. Er gilt 10 Minuten:
mail-footer = Diese Mail ging an { $to }, weil jemand die Adresse bei { $service } angegeben hat. Antworten darauf liest niemand.
mail-event = Zeit: { $when }. Gerät: { $device }. IP-Adresse: { $address }.
mail-more = { $more ->
        [one] Kurz danach ist das noch einmal passiert.
       *[other] Kurz danach ist das noch { $more }-mal passiert.
    }

verify-email-subject = Bestätige deine Adresse für { $service }
verify-email-text = Jemand hat sich bei { $service } mit dieser Adresse registriert. Wenn du es warst, bestätige, dass sie dir gehört.
verify-email-action = Adresse bestätigen
verify-email-otherwise = Warst du es nicht, tu einfach nichts: Ohne deine Bestätigung gilt die Adresse als unbestätigt. Der Link gilt { $hours } Stunden.

reset-password-subject = Neues Passwort für { $service }
reset-password-text = Jemand möchte ein neues Passwort für dein Konto bei { $service }. Damit wirst du auf allen Geräten abgemeldet.
reset-password-action = Neues Passwort setzen
reset-password-otherwise = Warst du es nicht, tu einfach nichts: Dein Passwort bleibt, wie es ist. Der Link gilt { $minutes } Minuten und nur einmal.

sign-in-subject = Anmelden bei { $service }
sign-in-text = Jemand möchte sich mit dieser Mail in deinem Konto bei { $service } anmelden.
sign-in-action = Anmelden
sign-in-otherwise = Warst du es nicht, tu einfach nichts, und gib den Code niemandem, der danach fragt. Der Link gilt { $minutes } Minuten und nur einmal.

change-email-subject = Bestätige deine neue Adresse für { $service }
change-email-text = Jemand möchte diese Adresse für ein Konto bei { $service } verwenden. Wenn du es warst, bestätige, dass sie dir gehört.
change-email-action = Diese Adresse verwenden
change-email-otherwise = Warst du es nicht, tu einfach nichts: Es ändert sich nichts. Der Link gilt { $minutes } Minuten.

already-registered-subject = Du hast schon ein Konto bei { $service }
already-registered-text = Jemand wollte sich bei { $service } mit dieser Adresse registrieren, zu der es schon ein Konto gibt. Wenn du es warst, melde dich einfach an; hast du dein Passwort vergessen, kannst du dort ein neues setzen.
already-registered-action = Anmelden
already-registered-otherwise = Warst du es nicht, tu einfach nichts: Dein Konto ist, wie es war.

invitation-subject = Einladung zu { $service }
invitation-text = Für dich wurde ein Konto bei { $service } angelegt. Wähle ein Passwort, um es zu benutzen.
invitation-action = Passwort wählen
invitation-otherwise = Weißt du nicht, worum es geht, tu einfach nichts. Der Link gilt { $hours } Stunden und nur einmal.

new-sign-in-subject = Neue Anmeldung bei { $service }
new-sign-in-text = Jemand hat sich in deinem Konto bei { $service } mit einem Gerät angemeldet, das wir noch nicht kannten.
new-sign-in-action = Neues Passwort setzen
new-sign-in-otherwise = Warst du es, ist nichts zu tun. Wenn nicht, setze jetzt ein neues Passwort: Das meldet alle ab.

password-changed-subject = Dein Passwort für { $service } wurde geändert
password-changed-text = Das Passwort deines Kontos bei { $service } wurde geändert.
password-changed-action = Neues Passwort setzen
password-changed-otherwise = Warst du es, ist nichts zu tun. Wenn nicht, setze jetzt ein neues Passwort: Das meldet alle ab.

email-changed-subject = Deine Adresse für { $service } wurde geändert
email-changed-text = Dein Konto bei { $service } hat jetzt eine andere Adresse: { $email }.
email-changed-action = Hilfe
email-changed-otherwise = Warst du es, ist nichts zu tun. Wenn nicht, wende dich sofort an die Betreiber von { $service }: Mails zum Konto erreichen dich nicht mehr.

account-deleted-subject = Dein Konto bei { $service } wurde gelöscht
account-deleted-text = Dein Konto bei { $service } wurde gelöscht, mit allem, was dazu gespeichert war.
account-deleted-action = Zu { $service }
account-deleted-otherwise = Warst du es, ist nichts zu tun. Wenn nicht, wende dich sofort an { $service }: Jemand kannte dein Passwort.

sign-in-blocked-subject = Anmeldung bei { $service } eingeschränkt
sign-in-blocked-text = Für dein Konto bei { $service } wurde viele Male ein falsches Passwort eingegeben. Zum Schutz werden Passwörter jetzt nur noch von Geräten und aus Netzen angenommen, mit denen du dich schon einmal angemeldet hast. Mit diesem Link kommst du überall hinein.
sign-in-blocked-action = Anmelden
sign-in-blocked-otherwise = Der Link gilt { $hours } Stunden und nur einmal. Dein Passwort wurde nicht erraten. Ist es kurz oder verwendest du es auch anderswo, setze nach der Anmeldung ein neues.
