# مشترك بين كل الرسائل

mail-code = أو أدخل هذا الرمز في الصفحة التي تطلبه:
mail-expiry = تنتهي صلاحية الرابط بعد { $lifetime }.
mail-expiry-code = تنتهي صلاحية الرابط بعد { $lifetime }، وصلاحية الرمز بعد { $code-lifetime }.
mail-link = إذا لم يعمل الزر، فانسخ هذا الرابط والصقه في متصفحك:
mail-requested = تفاصيل الطلب
mail-time = الوقت
mail-device = الجهاز
mail-ip = عنوان IP
mail-row = { $label }: { $value }
mail-more = { $more ->
        [one] تكرّر ذلك مرة أخرى بعد وقت قصير.
        [two] تكرّر ذلك مرتين أخريين بعد وقت قصير.
        [few] تكرّر ذلك { $more } مرات أخرى بعد وقت قصير.
       *[other] تكرّر ذلك { $more } مرة أخرى بعد وقت قصير.
    }
mail-why-account = أُرسلت هذه الرسالة إلى { $to } لأنها تخص حسابك في { $service }. يُرجى عدم الرد عليها، فالردود لا تُقرأ.
mail-why-entered = أُرسلت هذه الرسالة إلى { $to } لأن عنوان البريد الإلكتروني هذا أُدخل في { $service }. يُرجى عدم الرد عليها، فالردود لا تُقرأ.

lifetime-minutes = { $count ->
        [one] دقيقة واحدة
        [two] دقيقتين
        [few] { $count } دقائق
       *[other] { $count } دقيقة
    }
lifetime-hours = { $count ->
        [one] ساعة واحدة
        [two] ساعتين
        [few] { $count } ساعات
       *[other] { $count } ساعة
    }
lifetime-days = { $count ->
        [one] يوم واحد
        [two] يومين
        [few] { $count } أيام
        [many] { $count } يومًا
       *[other] { $count } يوم
    }

# رسائل بناءً على طلب

verify-email-subject = أكّد بريدك الإلكتروني في { $service }
verify-email-preview = تنتهي صلاحية الرابط بعد { $lifetime }.
verify-email-title = أكّد بريدك الإلكتروني
verify-email-text = شكرًا لتسجيلك في { $service }. لم يبقَ إلا تأكيد أن هذا البريد الإلكتروني يخصك.
verify-email-action = تأكيد البريد الإلكتروني
verify-email-otherwise = إذا لم تسجّل في { $service }، فتجاهل هذه الرسالة. سيبقى البريد الإلكتروني غير مؤكَّد.

reset-password-subject = إعادة تعيين كلمة مرورك في { $service }
reset-password-preview = تنتهي صلاحية الرابط بعد { $lifetime }. لم تطلب ذلك؟ تجاهل هذه الرسالة.
reset-password-title = إعادة تعيين كلمة المرور
reset-password-text = تلقّينا طلبًا لإعادة تعيين كلمة مرور حسابك في { $service }. عند تعيين كلمة مرور جديدة، سيُسجَّل خروجك من جميع الأجهزة.
reset-password-action = تعيين كلمة مرور جديدة
reset-password-otherwise = إذا لم تطلب ذلك، فتجاهل هذه الرسالة. لن تتغيّر كلمة مرورك.

sign-in-subject = رابط تسجيل الدخول إلى { $service }
sign-in-preview = تنتهي صلاحية رابط تسجيل الدخول بعد { $lifetime }.
sign-in-title = تسجيل الدخول إلى { $service }
sign-in-text = إليك رابط تسجيل الدخول الذي طلبته لحسابك في { $service }.
sign-in-action = تسجيل الدخول
sign-in-otherwise = إذا لم تطلب ذلك، فتجاهل هذه الرسالة. لا تشارك الرمز مع أي شخص، حتى لو قال إنه يعمل لدى { $service }.

change-email-subject = أكّد بريدك الإلكتروني الجديد في { $service }
change-email-preview = تنتهي صلاحية الرابط بعد { $lifetime }.
change-email-title = أكّد بريدك الإلكتروني الجديد
change-email-text = طلبت استخدام هذا البريد الإلكتروني لحسابك في { $service }. أكّد أنه يخصك لإتمام التغيير.
change-email-action = تأكيد البريد الإلكتروني
change-email-otherwise = إذا لم تطلب ذلك، فتجاهل هذه الرسالة. لن يتغيّر شيء.

already-registered-subject = لديك حساب في { $service } بالفعل
already-registered-preview = سجّل الدخول أو أعد تعيين كلمة المرور.
already-registered-title = لديك حساب بالفعل
already-registered-text = حاول شخص ما التسجيل في { $service } بهذا البريد الإلكتروني المرتبط بحساب بالفعل. إذا كنت أنت من حاول ذلك، فسجّل الدخول مباشرةً. وإذا نسيت كلمة المرور، فيمكنك إعادة تعيينها من صفحة تسجيل الدخول.
already-registered-action = تسجيل الدخول
already-registered-otherwise = إذا لم تكن أنت من حاول ذلك، فتجاهل هذه الرسالة. لم يتغيّر شيء في حسابك.

invitation-subject = دعوة إلى { $service }
invitation-preview = عيّن كلمة مرور لتفعيل حسابك. تنتهي صلاحية الرابط بعد { $lifetime }.
invitation-title = دعوة إلى { $service }
invitation-text = أُنشئ لك حساب في { $service }. عيّن كلمة مرور لتبدأ استخدامه.
invitation-action = تعيين كلمة مرور
invitation-otherwise = إذا لم تكن تتوقع هذه الدعوة، فتجاهل هذه الرسالة.

sign-in-blocked-subject = تسجيل الدخول إلى حسابك في { $service } مقيَّد
sign-in-blocked-preview = يتيح لك هذا الرابط تسجيل الدخول من أي مكان. تنتهي صلاحيته بعد { $lifetime }.
sign-in-blocked-title = تسجيل الدخول إلى حسابك مقيَّد
sign-in-blocked-text = أُدخلت كلمة مرور خاطئة لحسابك في { $service } مرات كثيرة. ولحماية حسابك، لا نقبل كلمات المرور حاليًا إلا من الأجهزة والشبكات التي سبق أن سجّلت الدخول منها. يتيح لك هذا الرابط تسجيل الدخول من أي مكان.
sign-in-blocked-action = تسجيل الدخول
sign-in-blocked-otherwise = لم تنجح أي من هذه المحاولات. إذا كانت كلمة مرورك قصيرة أو تستخدمها في مواقع أخرى، فغيّرها بعد تسجيل الدخول.

# تنبيهات الأمان

new-sign-in-subject = تسجيل دخول جديد إلى { $service }
new-sign-in-preview = { $when }. إذا لم تكن أنت من فعل ذلك، فغيّر كلمة مرورك.
new-sign-in-title = تسجيل دخول جديد إلى حسابك
new-sign-in-text = تم تسجيل الدخول إلى حسابك في { $service } من جهاز لم نتعرّف عليه.
new-sign-in-action = تعيين كلمة مرور جديدة
new-sign-in-otherwise = إذا كنت أنت من فعل ذلك، فلا داعي لاتخاذ أي إجراء. وإلا فعيّن كلمة مرور جديدة فورًا، وسيُسجَّل الخروج من جميع الأجهزة.

password-changed-subject = تم تغيير كلمة مرورك في { $service }
password-changed-preview = { $when }. إذا لم تكن أنت من فعل ذلك، فعيّن كلمة مرور جديدة.
password-changed-title = تم تغيير كلمة مرورك
password-changed-text = تم تغيير كلمة مرور حسابك في { $service }.
password-changed-action = تعيين كلمة مرور جديدة
password-changed-otherwise = إذا كنت أنت من فعل ذلك، فلا داعي لاتخاذ أي إجراء. وإلا فعيّن كلمة مرور جديدة فورًا، وسيُسجَّل الخروج من جميع الأجهزة.

email-changed-subject = تم تغيير بريدك الإلكتروني في { $service }
email-changed-preview = { $when }. إذا لم تكن أنت من فعل ذلك، فتواصل مع { $service } فورًا.
email-changed-title = تم تغيير بريدك الإلكتروني
email-changed-text = أصبح البريد الإلكتروني لحسابك في { $service } هو { $email }.
email-changed-action = الانتقال إلى { $service }
email-changed-otherwise = إذا كنت أنت من فعل ذلك، فلا داعي لاتخاذ أي إجراء. وإلا فتواصل مع { $service } فورًا، لأن رسائل هذا الحساب لن تصلك بعد الآن.

account-deleted-subject = تم حذف حسابك في { $service }
account-deleted-preview = { $when }. إذا لم تكن أنت من فعل ذلك، فتواصل مع { $service } فورًا.
account-deleted-title = تم حذف حسابك
account-deleted-text = تم حذف حسابك في { $service } مع كل البيانات المحفوظة فيه.
account-deleted-action = الانتقال إلى { $service }
account-deleted-otherwise = إذا كنت أنت من فعل ذلك، فلا داعي لاتخاذ أي إجراء. وإلا فتواصل مع { $service } فورًا، فقد يكون شخص آخر يعرف كلمة مرورك.
