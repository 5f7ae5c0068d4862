# In allen E-Mails

mail-code = Oder gib diesen Code auf der Seite ein, auf der danach gefragt wird:
mail-expiry = Der Link ist { $lifetime } gültig.
mail-expiry-code = Der Link ist { $lifetime } gültig, der Code { $code-lifetime }.
mail-link = Falls die Schaltfläche nicht funktioniert, kopiere diesen Link in deinen Browser:
mail-requested = Angaben zur Anfrage
mail-time = Zeitpunkt
mail-device = Gerät
mail-ip = IP-Adresse
mail-row = { $label }: { $value }
mail-more = { $more ->
        [one] Das ist kurz danach noch einmal passiert.
       *[other] Das ist kurz danach noch { $more }-mal passiert.
    }
mail-why-account = Diese E-Mail ging an { $to }, weil sie dein Konto bei { $service } betrifft. Bitte antworte nicht darauf, Antworten werden nicht gelesen.
mail-why-entered = Diese E-Mail ging an { $to }, weil diese E-Mail-Adresse bei { $service } angegeben wurde. Bitte antworte nicht darauf, Antworten werden nicht gelesen.

lifetime-minutes = { $count ->
        [one] 1 Minute
       *[other] { $count } Minuten
    }
lifetime-hours = { $count ->
        [one] 1 Stunde
       *[other] { $count } Stunden
    }
lifetime-days = { $count ->
        [one] 1 Tag
       *[other] { $count } Tage
    }

# Angeforderte E-Mails

verify-email-subject = Bestätige deine E-Mail-Adresse für { $service }
verify-email-preview = Der Link ist { $lifetime } gültig.
verify-email-title = Bestätige deine E-Mail-Adresse
verify-email-text = Schön, dass du dich bei { $service } registriert hast. Bitte bestätige noch, dass diese E-Mail-Adresse dir gehört.
verify-email-action = E-Mail-Adresse bestätigen
verify-email-otherwise = Du hast dich nicht bei { $service } registriert? Dann ignoriere diese E-Mail einfach. Die E-Mail-Adresse bleibt unbestätigt.

reset-password-subject = Setze dein Passwort für { $service } zurück
reset-password-preview = Der Link ist { $lifetime } gültig. Nicht angefordert? Dann ignoriere diese E-Mail einfach.
reset-password-title = Passwort zurücksetzen
reset-password-text = Für dein Konto bei { $service } wurde ein neues Passwort angefordert. Sobald du es festlegst, wirst du auf allen Geräten abgemeldet.
reset-password-action = Neues Passwort festlegen
reset-password-otherwise = Du hast das nicht angefordert? Dann ignoriere diese E-Mail einfach. Dein Passwort ändert sich nicht.

sign-in-subject = Bei { $service } anmelden
sign-in-preview = Dein Anmeldelink ist { $lifetime } gültig.
sign-in-title = Bei { $service } anmelden
sign-in-text = Hier ist der Anmeldelink, den du für dein Konto bei { $service } angefordert hast.
sign-in-action = Anmelden
sign-in-otherwise = Du hast das nicht angefordert? Dann ignoriere diese E-Mail einfach. Gib den Code niemals weiter, auch nicht, wenn jemand im Namen von { $service } danach fragt.

change-email-subject = Bestätige deine neue E-Mail-Adresse für { $service }
change-email-preview = Der Link ist { $lifetime } gültig.
change-email-title = Bestätige deine neue E-Mail-Adresse
change-email-text = Du möchtest diese E-Mail-Adresse für dein Konto bei { $service } verwenden. Bestätige bitte, dass sie dir gehört.
change-email-action = E-Mail-Adresse bestätigen
change-email-otherwise = Du hast das nicht angefordert? Dann ignoriere diese E-Mail einfach. Es ändert sich nichts.

already-registered-subject = Du hast schon ein Konto bei { $service }
already-registered-preview = Melde dich einfach an oder setze dein Passwort zurück.
already-registered-title = Du hast schon ein Konto
already-registered-text = Jemand wollte sich mit dieser E-Mail-Adresse bei { $service } registrieren, aber es gibt dazu schon ein Konto. Wenn du das warst, melde dich einfach an. Falls du dein Passwort vergessen hast, kannst du es auf der Anmeldeseite zurücksetzen.
already-registered-action = Anmelden
already-registered-otherwise = Du warst das nicht? Dann ignoriere diese E-Mail einfach. An deinem Konto hat sich nichts geändert.

invitation-subject = Einladung zu { $service }
invitation-preview = Lege jetzt dein Passwort fest. Der Link ist { $lifetime } gültig.
invitation-title = Du wurdest zu { $service } eingeladen
invitation-text = Für dich wurde ein Konto bei { $service } erstellt. Lege ein Passwort fest, dann kann es losgehen.
invitation-action = Passwort festlegen
invitation-otherwise = Du hast keine Einladung erwartet? Dann ignoriere diese E-Mail einfach.

sign-in-blocked-subject = Anmeldung in deinem Konto bei { $service } eingeschränkt
sign-in-blocked-preview = Mit diesem Link kannst du dich von überall anmelden. Er ist { $lifetime } gültig.
sign-in-blocked-title = Die Anmeldung in deinem Konto ist eingeschränkt
sign-in-blocked-text = Für dein Konto bei { $service } wurde sehr oft ein falsches Passwort eingegeben. Zu deinem Schutz akzeptieren wir Passwörter vorerst nur auf Geräten und in Netzwerken, die du schon einmal für eine Anmeldung verwendet hast. Mit diesem Link kannst du dich von überall anmelden.
sign-in-blocked-action = Anmelden
sign-in-blocked-otherwise = Keiner der Versuche war erfolgreich. Wenn dein Passwort kurz ist oder du es auch anderswo verwendest, ändere es nach der Anmeldung.

# Sicherheitshinweise

new-sign-in-subject = Neue Anmeldung bei { $service }
new-sign-in-preview = { $when }. Wenn du das nicht warst, ändere dein Passwort.
new-sign-in-title = Neue Anmeldung in deinem Konto
new-sign-in-text = In deinem Konto bei { $service } hat sich jemand mit einem Gerät angemeldet, das wir noch nicht kennen.
new-sign-in-action = Neues Passwort festlegen
new-sign-in-otherwise = Wenn du das warst, musst du nichts tun. Falls nicht, lege sofort ein neues Passwort fest. Damit werden alle Geräte abgemeldet.

password-changed-subject = Dein Passwort für { $service } wurde geändert
password-changed-preview = { $when }. Wenn du das nicht warst, lege sofort ein neues fest.
password-changed-title = Dein Passwort wurde geändert
password-changed-text = Das Passwort für dein Konto bei { $service } wurde geändert.
password-changed-action = Neues Passwort festlegen
password-changed-otherwise = Wenn du das warst, musst du nichts tun. Falls nicht, lege sofort ein neues Passwort fest. Damit werden alle Geräte abgemeldet.

email-changed-subject = Deine E-Mail-Adresse bei { $service } wurde geändert
email-changed-preview = { $when }. Wenn du das nicht warst, wende dich sofort an { $service }.
email-changed-title = Deine E-Mail-Adresse wurde geändert
email-changed-text = Die E-Mail-Adresse für dein Konto bei { $service } lautet jetzt { $email }.
email-changed-action = Zu { $service }
email-changed-otherwise = Wenn du das warst, musst du nichts tun. Falls nicht, wende dich sofort an { $service }: E-Mails zu diesem Konto bekommst du ab jetzt nicht mehr.

account-deleted-subject = Dein Konto bei { $service } wurde gelöscht
account-deleted-preview = { $when }. Wenn du das nicht warst, wende dich sofort an { $service }.
account-deleted-title = Dein Konto wurde gelöscht
account-deleted-text = Dein Konto bei { $service } wurde mit allen gespeicherten Daten gelöscht.
account-deleted-action = Zu { $service }
account-deleted-otherwise = Wenn du das warst, musst du nichts tun. Falls nicht, wende dich sofort an { $service }: Möglicherweise kennt jemand dein Passwort.
