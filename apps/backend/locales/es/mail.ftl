# En todos los correos

mail-code = O escribe este código en la página donde se te pide:
mail-expiry = Este enlace caduca en { $lifetime }.
mail-expiry-code = El enlace caduca en { $lifetime }; el código, en { $code-lifetime }.
mail-link = Si el botón no funciona, copia este enlace en tu navegador:
mail-requested = Detalles de la solicitud
mail-time = Fecha
mail-device = Dispositivo
mail-ip = Dirección IP
mail-row = { $label }: { $value }
mail-more = { $more ->
        [one] Volvió a ocurrir una vez más poco después.
       *[other] Volvió a ocurrir { $more } veces más poco después.
    }
mail-why-account = Enviamos este correo a { $to } porque se refiere a tu cuenta de { $service }. No respondas a este mensaje: no leemos las respuestas.
mail-why-entered = Enviamos este correo a { $to } porque alguien escribió esa dirección de correo en { $service }. No respondas a este mensaje: no leemos las respuestas.

lifetime-minutes = { $count ->
        [one] 1 minuto
       *[other] { $count } minutos
    }
lifetime-hours = { $count ->
        [one] 1 hora
       *[other] { $count } horas
    }
lifetime-days = { $count ->
        [one] 1 día
       *[other] { $count } días
    }

# Correos solicitados

verify-email-subject = Confirma tu correo electrónico en { $service }
verify-email-preview = Este enlace caduca en { $lifetime }.
verify-email-title = Confirma tu correo electrónico
verify-email-text = Gracias por registrarte en { $service }. Solo falta que confirmes que esta dirección de correo es tuya.
verify-email-action = Confirmar correo electrónico
verify-email-otherwise = Si no te registraste en { $service }, ignora este mensaje. La dirección de correo quedará sin confirmar.

reset-password-subject = Restablece tu contraseña de { $service }
reset-password-preview = Este enlace caduca en { $lifetime }. ¿No lo solicitaste? Ignora este mensaje.
reset-password-title = Restablece tu contraseña
reset-password-text = Hemos recibido una solicitud para restablecer la contraseña de tu cuenta de { $service }. Al elegir una nueva, se cerrará la sesión en todos tus dispositivos.
reset-password-action = Elegir una contraseña nueva
reset-password-otherwise = Si no lo solicitaste, ignora este mensaje. Tu contraseña no cambiará.

sign-in-subject = Inicia sesión en { $service }
sign-in-preview = Tu enlace de acceso caduca en { $lifetime }.
sign-in-title = Inicia sesión en { $service }
sign-in-text = Este es el enlace que solicitaste para iniciar sesión en tu cuenta de { $service }.
sign-in-action = Iniciar sesión
sign-in-otherwise = Si no lo solicitaste, ignora este mensaje. No compartas nunca el código, ni siquiera con alguien que diga trabajar en { $service }.

change-email-subject = Confirma tu nuevo correo electrónico en { $service }
change-email-preview = Este enlace caduca en { $lifetime }.
change-email-title = Confirma tu nuevo correo electrónico
change-email-text = Solicitaste usar esta dirección de correo en tu cuenta de { $service }. Confirma que es tuya para completar el cambio.
change-email-action = Confirmar correo electrónico
change-email-otherwise = Si no lo solicitaste, ignora este mensaje. No cambiará nada.

already-registered-subject = Ya tienes una cuenta en { $service }
already-registered-preview = Inicia sesión o restablece tu contraseña.
already-registered-title = Ya tienes una cuenta
already-registered-text = Alguien intentó registrarse en { $service } con esta dirección de correo, que ya está asociada a una cuenta. Si fuiste tú, inicia sesión. Si olvidaste tu contraseña, puedes restablecerla en la página de inicio de sesión.
already-registered-action = Iniciar sesión
already-registered-otherwise = Si no fuiste tú, ignora este mensaje. Tu cuenta no ha cambiado.

invitation-subject = Te han invitado a { $service }
invitation-preview = Elige una contraseña para activar tu cuenta. El enlace caduca en { $lifetime }.
invitation-title = Te han invitado a { $service }
invitation-text = Se ha creado una cuenta de { $service } para ti. Elige una contraseña para empezar a usarla.
invitation-action = Elegir contraseña
invitation-otherwise = Si no esperabas una invitación, ignora este mensaje.

sign-in-blocked-subject = El acceso a tu cuenta de { $service } está limitado
sign-in-blocked-preview = Con este enlace puedes entrar desde cualquier lugar. Caduca en { $lifetime }.
sign-in-blocked-title = El acceso a tu cuenta está limitado
sign-in-blocked-text = Hubo muchos intentos fallidos de iniciar sesión en tu cuenta de { $service }. Para protegerla, por ahora solo aceptamos contraseñas desde dispositivos y redes que ya habías usado para iniciar sesión. Con este enlace puedes entrar desde cualquier lugar.
sign-in-blocked-action = Iniciar sesión
sign-in-blocked-otherwise = Ninguno de los intentos tuvo éxito. Si tu contraseña es corta o la usas en otros sitios, cámbiala después de iniciar sesión.

# Avisos de seguridad

new-sign-in-subject = Nuevo inicio de sesión en { $service }
new-sign-in-preview = { $when }. Si no fuiste tú, cambia tu contraseña.
new-sign-in-title = Nuevo inicio de sesión en tu cuenta
new-sign-in-text = Alguien ha iniciado sesión en tu cuenta de { $service } desde un dispositivo nuevo.
new-sign-in-action = Elegir una contraseña nueva
new-sign-in-otherwise = Si fuiste tú, no tienes que hacer nada. Si no, elige una contraseña nueva ahora mismo: se cerrarán todas las sesiones.

password-changed-subject = Se ha cambiado tu contraseña de { $service }
password-changed-preview = { $when }. Si no fuiste tú, elige una nueva.
password-changed-title = Se ha cambiado tu contraseña
password-changed-text = Se ha cambiado la contraseña de tu cuenta de { $service }.
password-changed-action = Elegir una contraseña nueva
password-changed-otherwise = Si fuiste tú, no tienes que hacer nada. Si no, elige una contraseña nueva ahora mismo: se cerrarán todas las sesiones.

email-changed-subject = Se ha cambiado el correo de tu cuenta de { $service }
email-changed-preview = { $when }. Si no fuiste tú, ponte en contacto con { $service } cuanto antes.
email-changed-title = Se ha cambiado tu correo electrónico
email-changed-text = La dirección de correo de tu cuenta de { $service } ahora es { $email }.
email-changed-action = Ir a { $service }
email-changed-otherwise = Si fuiste tú, no tienes que hacer nada. Si no, ponte en contacto con { $service } cuanto antes: ya no recibirás los correos de esta cuenta.

account-deleted-subject = Se ha eliminado tu cuenta de { $service }
account-deleted-preview = { $when }. Si no fuiste tú, ponte en contacto con { $service } cuanto antes.
account-deleted-title = Se ha eliminado tu cuenta
account-deleted-text = Se ha eliminado tu cuenta de { $service } con todos los datos que contenía.
account-deleted-action = Ir a { $service }
account-deleted-otherwise = Si fuiste tú, no tienes que hacer nada. Si no, ponte en contacto con { $service } cuanto antes: es posible que alguien sepa tu contraseña.
