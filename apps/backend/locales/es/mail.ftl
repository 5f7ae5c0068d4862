mail-code = O escribe este código. Sirve durante 10 minutos:
mail-footer = Este mensaje se envió a { $to } porque alguien indicó esta dirección en { $service }. Nadie lee las respuestas.
mail-event = Hora: { $when }. Dispositivo: { $device }. Dirección IP: { $address }.
mail-more = { $more ->
        [one] Volvió a ocurrir una vez poco después.
       *[other] Volvió a ocurrir { $more } veces poco después.
    }

verify-email-subject = Confirma tu dirección para { $service }
verify-email-text = Alguien se registró en { $service } con esta dirección. Si fuiste tú, confirma que es tuya.
verify-email-action = Confirmar la dirección
verify-email-otherwise = Si no fuiste tú, no hagas nada: sin tu confirmación la dirección queda sin verificar. El enlace sirve durante { $hours } horas.

reset-password-subject = Nueva contraseña para { $service }
reset-password-text = Alguien pidió una nueva contraseña para tu cuenta de { $service }. Al cambiarla se cierra la sesión en todos los dispositivos.
reset-password-action = Elegir una nueva contraseña
reset-password-otherwise = Si no fuiste tú, no hagas nada: tu contraseña sigue igual. El enlace sirve durante { $minutes } minutos y una sola vez.

sign-in-subject = Iniciar sesión en { $service }
sign-in-text = Alguien quiere iniciar sesión en tu cuenta de { $service } con este mensaje.
sign-in-action = Iniciar sesión
sign-in-otherwise = Si no fuiste tú, no hagas nada y no des el código a nadie. El enlace sirve durante { $minutes } minutos y una sola vez.

change-email-subject = Confirma tu nueva dirección para { $service }
change-email-text = Alguien quiere usar esta dirección para una cuenta de { $service }. Si fuiste tú, confirma que es tuya.
change-email-action = Usar esta dirección
change-email-otherwise = Si no fuiste tú, no hagas nada: no cambia nada. El enlace sirve durante { $minutes } minutos.

already-registered-subject = Ya tienes una cuenta en { $service }
already-registered-text = Alguien intentó registrarse en { $service } con esta dirección, que ya tiene una cuenta. Si fuiste tú, inicia sesión; si olvidaste la contraseña, allí puedes elegir otra.
already-registered-action = Iniciar sesión
already-registered-otherwise = Si no fuiste tú, no hagas nada: tu cuenta sigue igual.

invitation-subject = Invitación a { $service }
invitation-text = Se creó una cuenta de { $service } para ti. Elige una contraseña para usarla.
invitation-action = Elegir una contraseña
invitation-otherwise = Si no sabes de qué se trata, no hagas nada. El enlace sirve durante { $hours } horas y una sola vez.

new-sign-in-subject = Nuevo inicio de sesión en { $service }
new-sign-in-text = Alguien inició sesión en tu cuenta de { $service } desde un dispositivo que no conocíamos.
new-sign-in-action = Elegir una nueva contraseña
new-sign-in-otherwise = Si fuiste tú, no hay nada que hacer. Si no, elige ahora una nueva contraseña: así se cierran todas las sesiones.

password-changed-subject = Se cambió tu contraseña de { $service }
password-changed-text = Se cambió la contraseña de tu cuenta de { $service }.
password-changed-action = Elegir una nueva contraseña
password-changed-otherwise = Si fuiste tú, no hay nada que hacer. Si no, elige ahora una nueva contraseña: así se cierran todas las sesiones.

email-changed-subject = Se cambió tu dirección de { $service }
email-changed-text = Tu cuenta de { $service } tiene ahora otra dirección: { $email }.
email-changed-action = Obtener ayuda
email-changed-otherwise = Si fuiste tú, no hay nada que hacer. Si no, acude enseguida a los responsables de { $service }: los mensajes de la cuenta ya no te llegan.

account-deleted-subject = Se eliminó tu cuenta de { $service }
account-deleted-text = Se eliminó tu cuenta de { $service } con todo lo que tenía guardado.
account-deleted-action = Ir a { $service }
account-deleted-otherwise = Si fuiste tú, no hay nada que hacer. Si no, contacta con { $service } cuanto antes: alguien conocía tu contraseña.

sign-in-blocked-subject = El acceso a tu cuenta de { $service } está limitado
sign-in-blocked-text = Se introdujo muchas veces una contraseña incorrecta para tu cuenta de { $service }. Para protegerla, ahora solo se aceptan contraseñas desde dispositivos y redes con los que ya habías iniciado sesión. Con este enlace puedes entrar desde cualquier lugar.
sign-in-blocked-action = Iniciar sesión
sign-in-blocked-otherwise = El enlace sirve durante { $hours } horas y una sola vez. Nadie adivinó tu contraseña. Si es corta o la usas en otros sitios, elige otra después de entrar.
