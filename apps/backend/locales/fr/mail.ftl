mail-code = Ou saisissez ce code. Il est valable 10 minutes :
mail-footer = Ce message a été envoyé à { $to }, car quelqu’un a indiqué cette adresse à { $service }. Personne ne lit les réponses.
mail-event = Date : { $when }. Appareil : { $device }. Adresse IP : { $address }.
mail-more = { $more ->
        [one] Cela s’est reproduit une fois peu après.
       *[other] Cela s’est reproduit { $more } fois peu après.
    }

verify-email-subject = Confirmez votre adresse pour { $service }
verify-email-text = Quelqu’un s’est inscrit à { $service } avec cette adresse. Si c’était vous, confirmez qu’elle est à vous.
verify-email-action = Confirmer l’adresse
verify-email-otherwise = Si ce n’était pas vous, ne faites rien : sans votre confirmation, l’adresse reste non vérifiée. Le lien est valable { $hours } heures.

reset-password-subject = Nouveau mot de passe pour { $service }
reset-password-text = Quelqu’un a demandé un nouveau mot de passe pour votre compte { $service }. Le changer vous déconnecte de tous vos appareils.
reset-password-action = Choisir un nouveau mot de passe
reset-password-otherwise = Si ce n’était pas vous, ne faites rien : votre mot de passe ne change pas. Le lien est valable { $minutes } minutes, une seule fois.

sign-in-subject = Se connecter à { $service }
sign-in-text = Quelqu’un souhaite se connecter à votre compte { $service } au moyen de ce message.
sign-in-action = Se connecter
sign-in-otherwise = Si ce n’était pas vous, ne faites rien et ne donnez le code à personne. Le lien est valable { $minutes } minutes, une seule fois.

change-email-subject = Confirmez votre nouvelle adresse pour { $service }
change-email-text = Quelqu’un souhaite utiliser cette adresse pour un compte { $service }. Si c’était vous, confirmez qu’elle est à vous.
change-email-action = Utiliser cette adresse
change-email-otherwise = Si ce n’était pas vous, ne faites rien : rien ne change. Le lien est valable { $minutes } minutes.

already-registered-subject = Vous avez déjà un compte { $service }
already-registered-text = Quelqu’un a voulu s’inscrire à { $service } avec cette adresse, qui a déjà un compte. Si c’était vous, connectez-vous ; si vous avez oublié votre mot de passe, vous pourrez en choisir un autre.
already-registered-action = Se connecter
already-registered-otherwise = Si ce n’était pas vous, ne faites rien : votre compte n’a pas changé.

invitation-subject = Invitation à { $service }
invitation-text = Un compte { $service } a été créé pour vous. Choisissez un mot de passe pour l’utiliser.
invitation-action = Choisir un mot de passe
invitation-otherwise = Si vous ne savez pas de quoi il s’agit, ne faites rien. Le lien est valable { $hours } heures, une seule fois.

new-sign-in-subject = Nouvelle connexion à { $service }
new-sign-in-text = Quelqu’un s’est connecté à votre compte { $service } depuis un appareil inconnu.
new-sign-in-action = Choisir un nouveau mot de passe
new-sign-in-otherwise = Si c’était vous, il n’y a rien à faire. Sinon, choisissez tout de suite un nouveau mot de passe : tout le monde sera déconnecté.

password-changed-subject = Votre mot de passe { $service } a été modifié
password-changed-text = Le mot de passe de votre compte { $service } a été modifié.
password-changed-action = Choisir un nouveau mot de passe
password-changed-otherwise = Si c’était vous, il n’y a rien à faire. Sinon, choisissez tout de suite un nouveau mot de passe : tout le monde sera déconnecté.

email-changed-subject = Votre adresse pour { $service } a été modifiée
email-changed-text = Votre compte { $service } a maintenant une autre adresse : { $email }.
email-changed-action = Obtenir de l’aide
email-changed-otherwise = Si c’était vous, il n’y a rien à faire. Sinon, adressez-vous tout de suite aux responsables de { $service } : les messages du compte ne vous parviennent plus.

account-deleted-subject = Votre compte { $service } a été supprimé
account-deleted-text = Votre compte { $service } a été supprimé, avec toutes les données qui y étaient enregistrées.
account-deleted-action = Aller sur { $service }
account-deleted-otherwise = Si c’était vous, il n’y a rien à faire. Sinon, contactez { $service } tout de suite : quelqu’un connaissait votre mot de passe.

sign-in-blocked-subject = Connexion à votre compte { $service } restreinte
sign-in-blocked-text = Un mot de passe erroné a été saisi de nombreuses fois pour votre compte { $service }. Pour le protéger, les mots de passe ne sont plus acceptés que depuis les appareils et les réseaux avec lesquels vous vous êtes déjà connecté. Ce lien vous connecte où que vous soyez.
sign-in-blocked-action = Se connecter
sign-in-blocked-otherwise = Le lien est valable { $hours } heures, une seule fois. Votre mot de passe n’a pas été deviné. S’il est court ou si vous l’utilisez ailleurs, choisissez-en un autre une fois connecté.
