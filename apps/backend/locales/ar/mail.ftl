mail-code = أو اكتب هذا الرمز، وهو صالح لمدة 10 دقائق:
mail-footer = أُرسلت هذه الرسالة إلى { $to } لأن شخصًا ما أدخل هذا العنوان في { $service }. لا أحد يقرأ الردود عليها.
mail-event = الوقت: { $when }. الجهاز: { $device }. عنوان IP: { $address }.
mail-more = { $more ->
        [one] وتكرّر ذلك مرة أخرى بعد قليل.
        [two] وتكرّر ذلك مرتين أخريين بعد قليل.
        [few] وتكرّر ذلك { $more } مرات أخرى بعد قليل.
       *[other] وتكرّر ذلك { $more } مرة أخرى بعد قليل.
    }

verify-email-subject = أكّد عنوانك في { $service }
verify-email-text = سجّل شخص ما في { $service } بهذا العنوان. إن كنت أنت، فأكّد أن العنوان لك.
verify-email-action = تأكيد العنوان
verify-email-otherwise = إن لم تكن أنت، فلا تفعل شيئًا: يبقى العنوان غير مؤكّد دون موافقتك. الرابط صالح لمدة { $hours } ساعة.

reset-password-subject = كلمة مرور جديدة في { $service }
reset-password-text = طلب شخص ما كلمة مرور جديدة لحسابك في { $service }. تغييرها يسجّل خروجك من جميع الأجهزة.
reset-password-action = اختيار كلمة مرور جديدة
reset-password-otherwise = إن لم تكن أنت، فلا تفعل شيئًا: تبقى كلمة مرورك كما هي. الرابط صالح لمدة { $minutes } دقيقة ولمرة واحدة.

sign-in-subject = تسجيل الدخول إلى { $service }
sign-in-text = يريد شخص ما تسجيل الدخول إلى حسابك في { $service } بهذه الرسالة.
sign-in-action = تسجيل الدخول
sign-in-otherwise = إن لم تكن أنت، فلا تفعل شيئًا، ولا تعطِ الرمز لأحد. الرابط صالح لمدة { $minutes } دقيقة ولمرة واحدة.

change-email-subject = أكّد عنوانك الجديد في { $service }
change-email-text = يريد شخص ما استخدام هذا العنوان لحساب في { $service }. إن كنت أنت، فأكّد أن العنوان لك.
change-email-action = استخدام هذا العنوان
change-email-otherwise = إن لم تكن أنت، فلا تفعل شيئًا: لن يتغيّر شيء. الرابط صالح لمدة { $minutes } دقيقة.

already-registered-subject = لديك حساب في { $service } بالفعل
already-registered-text = حاول شخص ما التسجيل في { $service } بهذا العنوان الذي له حساب بالفعل. إن كنت أنت، فسجّل الدخول؛ وإن نسيت كلمة المرور، يمكنك اختيار كلمة جديدة هناك.
already-registered-action = تسجيل الدخول
already-registered-otherwise = إن لم تكن أنت، فلا تفعل شيئًا: حسابك كما كان.

invitation-subject = دعوة إلى { $service }
invitation-text = أُنشئ لك حساب في { $service }. اختر كلمة مرور لاستخدامه.
invitation-action = اختيار كلمة مرور
invitation-otherwise = إن كنت لا تعرف ما الأمر، فلا تفعل شيئًا. الرابط صالح لمدة { $hours } ساعة ولمرة واحدة.

new-sign-in-subject = تسجيل دخول جديد إلى { $service }
new-sign-in-text = سجّل شخص ما الدخول إلى حسابك في { $service } من جهاز لم نعرفه من قبل.
new-sign-in-action = اختيار كلمة مرور جديدة
new-sign-in-otherwise = إن كنت أنت، فلا حاجة إلى شيء. وإلا فاختر كلمة مرور جديدة الآن: هذا يسجّل خروج الجميع.

password-changed-subject = تغيّرت كلمة مرورك في { $service }
password-changed-text = تغيّرت كلمة مرور حسابك في { $service }.
password-changed-action = اختيار كلمة مرور جديدة
password-changed-otherwise = إن كنت أنت، فلا حاجة إلى شيء. وإلا فاختر كلمة مرور جديدة الآن: هذا يسجّل خروج الجميع.

email-changed-subject = تغيّر عنوانك في { $service }
email-changed-text = لحسابك في { $service } عنوان آخر الآن: { $email }.
email-changed-action = الحصول على المساعدة
email-changed-otherwise = إن كنت أنت، فلا حاجة إلى شيء. وإلا فتواصل فورًا مع القائمين على { $service }: رسائل الحساب لم تعد تصلك.

account-deleted-subject = حُذف حسابك في { $service }
account-deleted-text = حُذف حسابك في { $service } مع كل ما كان محفوظًا فيه.
account-deleted-action = الانتقال إلى { $service }
account-deleted-otherwise = إن كنت أنت، فلا حاجة إلى شيء. وإلا فتواصل مع { $service } فورًا: هناك من كان يعرف كلمة مرورك.

sign-in-blocked-subject = تسجيل الدخول إلى حسابك في { $service } مقيّد
sign-in-blocked-text = أُدخلت كلمة مرور خاطئة لحسابك في { $service } مرات كثيرة. لحمايته، لا تُقبل كلمات المرور الآن إلا من الأجهزة والشبكات التي سبق أن سجّلت الدخول منها. يتيح لك هذا الرابط تسجيل الدخول من أي مكان.
sign-in-blocked-action = تسجيل الدخول
sign-in-blocked-otherwise = الرابط صالح لمدة { $hours } ساعة ولمرة واحدة. لم يخمّن أحد كلمة مرورك. إن كانت قصيرة أو كنت تستخدمها في مواقع أخرى، فاختر كلمة جديدة بعد تسجيل الدخول.
