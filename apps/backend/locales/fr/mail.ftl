# Dans tous les e-mails

mail-code = Ou saisissez ce code sur la page où il vous est demandé :
mail-expiry = Ce lien est valable { $lifetime }.
mail-expiry-code = Le lien est valable { $lifetime }, le code { $code-lifetime }.
mail-link = Si le bouton ne fonctionne pas, copiez ce lien dans votre navigateur :
mail-requested = Détails de la demande
mail-time = Date
mail-device = Appareil
mail-ip = Adresse IP
mail-row = { $label } : { $value }
mail-more = { $more ->
        [one] Cela s’est reproduit une fois peu après.
       *[other] Cela s’est reproduit { $more } fois peu après.
    }
mail-why-account = Cet e-mail a été envoyé à { $to } car il concerne votre compte { $service }. Merci de ne pas y répondre : les réponses ne sont pas lues.
mail-why-entered = Cet e-mail a été envoyé à { $to } car cette adresse e-mail a été indiquée sur { $service }. Merci de ne pas y répondre : les réponses ne sont pas lues.

lifetime-minutes = { $count ->
        [one] { $count } minute
       *[other] { $count } minutes
    }
lifetime-hours = { $count ->
        [one] { $count } heure
       *[other] { $count } heures
    }
lifetime-days = { $count ->
        [one] { $count } jour
       *[other] { $count } jours
    }

# E-mails demandés

verify-email-subject = Confirmez votre adresse e-mail pour { $service }
verify-email-preview = Ce lien est valable { $lifetime }.
verify-email-title = Confirmez votre adresse e-mail
verify-email-text = Merci pour votre inscription à { $service }. Il ne vous reste plus qu’à confirmer que cette adresse e-mail vous appartient.
verify-email-action = Confirmer l’adresse e-mail
verify-email-otherwise = Vous n’avez pas créé de compte { $service } ? Ignorez cet e-mail : l’adresse e-mail ne sera pas confirmée.

reset-password-subject = Réinitialisez votre mot de passe { $service }
reset-password-preview = Ce lien est valable { $lifetime }. Vous n’avez rien demandé ? Ignorez cet e-mail.
reset-password-title = Réinitialisez votre mot de passe
reset-password-text = Nous avons reçu une demande de réinitialisation du mot de passe de votre compte { $service }. Une fois le nouveau mot de passe choisi, toutes vos sessions seront fermées, sur tous vos appareils.
reset-password-action = Choisir un nouveau mot de passe
reset-password-otherwise = Vous n’avez rien demandé ? Ignorez cet e-mail : votre mot de passe ne changera pas.

sign-in-subject = Connectez-vous à { $service }
sign-in-preview = Votre lien de connexion est valable { $lifetime }.
sign-in-title = Connectez-vous à { $service }
sign-in-text = Voici le lien de connexion que vous avez demandé pour votre compte { $service }.
sign-in-action = Se connecter
sign-in-otherwise = Vous n’avez rien demandé ? Ignorez cet e-mail. Ne communiquez jamais le code, même à une personne qui dit travailler pour { $service }.

change-email-subject = Confirmez votre nouvelle adresse e-mail pour { $service }
change-email-preview = Ce lien est valable { $lifetime }.
change-email-title = Confirmez votre nouvelle adresse e-mail
change-email-text = Vous avez demandé à utiliser cette adresse e-mail pour votre compte { $service }. Confirmez qu’elle vous appartient pour terminer la modification.
change-email-action = Confirmer l’adresse e-mail
change-email-otherwise = Vous n’avez rien demandé ? Ignorez cet e-mail : rien ne changera.

already-registered-subject = Vous avez déjà un compte { $service }
already-registered-preview = Connectez-vous ou réinitialisez votre mot de passe.
already-registered-title = Vous avez déjà un compte
already-registered-text = Quelqu’un a essayé de créer un compte { $service } avec cette adresse e-mail, à laquelle un compte est déjà associé. Si c’était vous, connectez-vous simplement. Mot de passe oublié ? Vous pourrez le réinitialiser sur la page de connexion.
already-registered-action = Se connecter
already-registered-otherwise = Ce n’était pas vous ? Ignorez cet e-mail : rien n’a changé dans votre compte.

invitation-subject = Invitation à rejoindre { $service }
invitation-preview = Choisissez un mot de passe pour activer votre compte. Ce lien est valable { $lifetime }.
invitation-title = Rejoignez { $service }
invitation-text = Un compte { $service } a été créé pour vous. Choisissez un mot de passe pour commencer à l’utiliser.
invitation-action = Choisir un mot de passe
invitation-otherwise = Vous n’attendiez pas d’invitation ? Ignorez cet e-mail.

sign-in-blocked-subject = Connexion à votre compte { $service } limitée
sign-in-blocked-preview = Ce lien vous permet de vous connecter où que vous soyez. Il est valable { $lifetime }.
sign-in-blocked-title = La connexion à votre compte est limitée
sign-in-blocked-text = Un mot de passe incorrect a été saisi de nombreuses fois pour votre compte { $service }. Pour le protéger, nous n’acceptons plus les mots de passe que depuis les appareils et les réseaux que vous avez déjà utilisés pour vous connecter. Ce lien vous permet de vous connecter où que vous soyez.
sign-in-blocked-action = Se connecter
sign-in-blocked-otherwise = Aucune de ces tentatives n’a abouti. Si votre mot de passe est court ou si vous l’utilisez ailleurs, changez-le après votre connexion.

# Alertes de sécurité

new-sign-in-subject = Nouvelle connexion à { $service }
new-sign-in-preview = { $when }. Si ce n’était pas vous, changez votre mot de passe.
new-sign-in-title = Nouvelle connexion à votre compte
new-sign-in-text = Une connexion à votre compte { $service } a eu lieu depuis un appareil que nous ne connaissions pas.
new-sign-in-action = Choisir un nouveau mot de passe
new-sign-in-otherwise = Si c’était vous, vous n’avez rien à faire. Sinon, choisissez sans attendre un nouveau mot de passe : tous les appareils seront déconnectés.

password-changed-subject = Votre mot de passe { $service } a été modifié
password-changed-preview = { $when }. Si ce n’était pas vous, choisissez-en un nouveau.
password-changed-title = Votre mot de passe a été modifié
password-changed-text = Le mot de passe de votre compte { $service } a été modifié.
password-changed-action = Choisir un nouveau mot de passe
password-changed-otherwise = Si c’était vous, vous n’avez rien à faire. Sinon, choisissez sans attendre un nouveau mot de passe : tous les appareils seront déconnectés.

email-changed-subject = L’adresse e-mail de votre compte { $service } a été modifiée
email-changed-preview = { $when }. Si ce n’était pas vous, contactez { $service } sans attendre.
email-changed-title = Votre adresse e-mail a été modifiée
email-changed-text = L’adresse e-mail de votre compte { $service } est désormais { $email }.
email-changed-action = Aller sur { $service }
email-changed-otherwise = Si c’était vous, vous n’avez rien à faire. Sinon, contactez { $service } sans attendre : vous ne recevrez plus les e-mails concernant ce compte.

account-deleted-subject = Votre compte { $service } a été supprimé
account-deleted-preview = { $when }. Si ce n’était pas vous, contactez { $service } sans attendre.
account-deleted-title = Votre compte a été supprimé
account-deleted-text = Votre compte { $service } et toutes les données qu’il contenait ont été supprimés.
account-deleted-action = Aller sur { $service }
account-deleted-otherwise = Si c’était vous, vous n’avez rien à faire. Sinon, contactez { $service } sans attendre : quelqu’un connaît peut-être votre mot de passe.
