page-language = اللغة
page-change = تغيير
page-email = البريد الإلكتروني
page-password = كلمة المرور
page-new-password = كلمة المرور الجديدة
page-current-password = كلمة المرور الحالية
page-password-hint = { $min ->
        [one] حرف واحد على الأقل
        [two] حرفان على الأقل
        [few] { $min } أحرف على الأقل
        [many] { $min } حرفًا على الأقل
       *[other] { $min } حرف على الأقل
    }
page-show = إظهار
page-hide = إخفاء
page-code = رمز من ستة أرقام
page-or = أو
page-back = العودة إلى تسجيل الدخول
page-home = العودة إلى الصفحة الرئيسية
page-back-to = العودة إلى { $application }
page-continue = متابعة
page-continue-to = المتابعة إلى { $application }
page-terms = شروط الخدمة
page-privacy = سياسة الخصوصية

signin-title = تسجيل الدخول
signin-button = تسجيل الدخول
signin-forgot = هل نسيت كلمة المرور؟
signin-by-mail = إرسال رابط تسجيل الدخول إلى بريدي
signin-new = ليس لديك حساب في { $service }؟
signin-as-title = لقد سجّلت الدخول بالفعل
signin-as-text = سجّلت الدخول إلى { $service } باسم { $email }.
signin-as-other = استخدام حساب آخر
signup-title = إنشاء حساب
signup-link = إنشاء حساب
signup-button = إنشاء الحساب
signup-have = هل لديك حساب بالفعل؟
signup-agree = بإنشاء حساب، فإنك توافق على شروط الخدمة.
signout-title = هل تريد تسجيل الخروج؟
signout-text = سيُسجَّل خروجك من هذا الجهاز.
signout-button = تسجيل الخروج
signin-for = أنت تسجّل الدخول إلى { $application }.
signin-instead = سجّلت الدخول باسم { $email }. سجّل الدخول بالحساب الذي تريد استخدامه بدلًا منه.
signin-expected = يتطلب { $application } حسابًا آخر. سجّل الدخول به للمتابعة.
signup-for = بعد ذلك ستنتقل إلى { $application }.
again-title = تأكيد هويتك
again-text = سجّلت الدخول باسم { $email }. للمتابعة، أدخل كلمة المرور مرة أخرى.
again-by-mail = إرسال رمز إلى بريدي بدلًا من ذلك
choose-title = اختيار حساب
choose-text = أي حساب تريد استخدامه مع { $application }؟
choose-this = المتابعة باسم { $email }

consent-title = هل تسمح لـ { $application } بالوصول إلى حسابك؟
consent-signs-in = هل تريد تسجيل الدخول إلى { $application }؟
consent-asks = يطلب { $application } الأذونات التالية:
consent-asks-nothing = سيتعرّف { $application } على حسابك، لكنه لن يرى اسمك ولا بريدك الإلكتروني.
consent-as = سجّلت الدخول باسم { $email }.
consent-not-you = لست أنت؟
consent-to-host = ستتم إعادة توجيهك إلى { $host }.
consent-to-computer = ستتم إعادة توجيهك إلى برنامج على جهاز الكمبيوتر هذا. تابع فقط إذا كنت قد شغّلته للتو.
consent-to-app = ستتم إعادة توجيهك إلى تطبيق على هذا الجهاز ({ $scheme }). تابع فقط إذا كنت قد فتحته للتو.
consent-close = يمكنك بعد ذلك إغلاق هذه النافذة.
consent-allow = السماح
consent-cancel = إلغاء
consent-policy = سياسة خصوصية { $application }
consent-terms = شروط خدمة { $application }
consent-later = يمكنك إزالة إذن الوصول في أي وقت من صفحة حسابك.
scope-profile = رؤية اسمك وملفك الشخصي
scope-email = رؤية بريدك الإلكتروني
scope-phone = رؤية رقم هاتفك
scope-address = رؤية عنوانك البريدي
scope-offline = الاحتفاظ بإذن الوصول بعد تسجيل خروجك
gone-title = ابدأ من جديد
gone-text = انتهت صلاحية محاولة تسجيل الدخول هذه، أو اكتملت من قبل، أو بدأت في متصفح آخر. عُد إلى التطبيق وسجّل الدخول مجددًا.
refused-title = طلب هذا التطبيق غير صالح
refused-text = أرسل التطبيق الذي جئت منه طلبًا لا يمكن لـ { $service } قبوله. عُد وحاول مجددًا، وإن استمرت المشكلة فتواصل مع فريق دعم التطبيق.
post-title = جارٍ الرجوع إلى التطبيق
post-text = إذا لم يحدث شيء خلال بضع ثوانٍ، فاختر «متابعة».
logout-title = هل تريد تسجيل الخروج من { $service }؟
logout-text = سيُسجَّل خروجك من { $service } على هذا الجهاز، ومن التطبيقات التي سجّلت الدخول إليها عبر { $service }.
logout-by = يطلب { $application } تسجيل خروجك.
logout-stay = عدم تسجيل الخروج

ask-button = إرسال الرسالة
ask-verify-title = تأكيد البريد الإلكتروني
ask-verify-text = سنرسل إليك رابطًا ورمزًا بالبريد الإلكتروني. يكفي أحدهما لتأكيد أن البريد الإلكتروني لك.
ask-signin-title = تسجيل الدخول بالبريد الإلكتروني
ask-signin-text = سنرسل إليك رابطًا ورمزًا بالبريد الإلكتروني. يكفي أحدهما لتسجيل الدخول دون كلمة مرور.
ask-recover-title = هل نسيت كلمة المرور؟
ask-recover-text = سنرسل إليك رابطًا ورمزًا بالبريد الإلكتروني. يكفي أحدهما لتعيين كلمة مرور جديدة.
code-title = تفقّد بريدك الإلكتروني
code-sent = أرسلنا رسالة إلى { $email }. أدخل هنا الرمز الوارد فيها، أو افتح الرابط.
code-signs-in = لتسجيل الدخول، أكّد بريدك الإلكتروني. أرسلنا رسالة إلى { $email }. أدخل هنا الرمز الوارد فيها، أو افتح الرابط.
code-text = إذا كان هناك حساب مرتبط بالبريد الإلكتروني { $email }، فستصلك رسالة. أدخل هنا الرمز الوارد فيها، أو افتح الرابط.
code-text-anywhere = أدخل الرمز الوارد في رسالتنا وعنوان البريد الإلكتروني الذي أُرسلت إليه.
code-nothing = لم تصلك الرسالة؟ تحقّق من مجلد الرسائل غير المرغوب فيها.
code-again = إرسال رسالة أخرى
code-welcome = تم إنشاء حسابك وتسجيل دخولك.

open-verify-title = تأكيد البريد الإلكتروني
open-verify-text = أكّد أن البريد الإلكتروني الذي أرسلنا إليه هذا الرابط يخصك.
open-verify-button = تأكيد البريد الإلكتروني
open-verify-elsewhere = يبدو أنك أنشأت حسابك في متصفح آخر. أدخل كلمة المرور لتأكيد أن الحساب لك.
open-verify-new-title = لا تعرف كلمة المرور؟
open-verify-new-text = عيّن كلمة مرور جديدة. سيُسجَّل الخروج من جميع الأجهزة المتصلة بالحساب.
open-verify-new-button = تعيين كلمة مرور جديدة
open-signin-title = تسجيل الدخول
open-signin-text = فتحت الرابط الوارد في رسالتنا. هل تريد تسجيل الدخول على هذا الجهاز؟
open-signin-button = تسجيل الدخول
open-recover-title = تعيين كلمة مرور جديدة
open-recover-text = سيُسجَّل خروجك من جميع الأجهزة. بعد ذلك، سجّل الدخول بكلمة المرور الجديدة.
open-recover-button = حفظ كلمة المرور
open-invitation-title = مرحبًا بك في { $service }
open-invitation-text = تم إنشاء حساب لك. عيّن كلمة مرور لتبدأ استخدامه.
open-invitation-button = حفظ كلمة المرور
open-change-email-title = استخدام البريد الإلكتروني الجديد
open-change-email-text = بعد التأكيد، سيستخدم حسابك البريد الإلكتروني الذي أرسلنا إليه هذا الرابط.
open-change-email-button = استخدام هذا البريد الإلكتروني

done-verified-title = تم تأكيد بريدك الإلكتروني
done-verified-text = كل شيء جاهز.
done-verified-before-title = بريدك الإلكتروني مؤكَّد بالفعل
done-verified-before-text = لا داعي لاتخاذ أي إجراء آخر.
done-recovered-title = تم حفظ كلمة المرور
done-recovered-text = تم تسجيل خروجك من جميع الأجهزة. سجّل الدخول بكلمة المرور الجديدة.
done-recovered-before-title = سبق حفظ كلمة المرور
done-recovered-before-text = سبق استخدام هذا الرابط أو رابط أحدث منه. سجّل الدخول بكلمة المرور التي اخترتها، وإن نسيتها فاطلب رابطًا جديدًا.
done-invited-title = حسابك جاهز
done-invited-text = سجّل الدخول ببريدك الإلكتروني وكلمة المرور التي اخترتها للتو.
done-changed-email-title = تم تغيير البريد الإلكتروني لحسابك
done-changed-email-text = استخدمه من الآن لتسجيل الدخول. أرسلنا أيضًا إشعارًا إلى بريدك الإلكتروني القديم.
done-changed-email-before-title = حسابك يستخدم هذا البريد الإلكتروني بالفعل
done-changed-email-before-text = لا داعي لاتخاذ أي إجراء آخر.
done-changed-name = تم تغيير اسمك.
done-changed-password = تم تغيير كلمة المرور وتسجيل الخروج من جميع الأجهزة الأخرى.
done-withdrew = تمت إزالة إذن الوصول.
done-signed-out-title = تم تسجيل خروجك
done-signed-out-text = إلى اللقاء.
done-signed-out-again = تسجيل الدخول مجددًا
done-signed-out-everywhere-title = تم تسجيل خروجك من جميع الأجهزة
done-signed-out-everywhere-text = تم أيضًا تسجيل خروجك من التطبيقات التي لها إذن الوصول إلى حسابك.
done-device-allowed-title = تم ربط جهازك
done-device-allowed-text = يمكنك العودة إلى جهازك وإغلاق هذه الصفحة.
done-device-canceled-title = تم إلغاء الطلب
done-device-canceled-text = لم يُربط جهازك. يمكنك إغلاق هذه الصفحة.
done-device-denied-title = لم يُربط جهازك
done-device-denied-text = لا يملك حسابك أيًّا من الأذونات التي يطلبها التطبيق. يمكنك إغلاق هذه الصفحة.
done-deleted-title = تم حذف حسابك
done-deleted-text = كل البيانات المحفوظة عنك حُذفت أو ستُحذف خلال دقائق.

account-title = حسابك
account-change = تغيير
account-manage = إدارة
account-verified = مؤكَّد
account-unverified = غير مؤكَّد
account-confirm = أكّد بريدك الإلكتروني لتتمكن من استعادة حسابك إذا نسيت كلمة المرور.
account-confirm-link = تأكيد البريد الإلكتروني الآن
account-since = تاريخ إنشاء الحساب: { $when }
account-devices = الأجهزة
account-devices-count = { $count ->
        [one] جهاز واحد
        [two] جهازان
        [few] { $count } أجهزة
        [many] { $count } جهازًا
       *[other] { $count } جهاز
    }
account-device-this = هذا الجهاز
account-device-seen = آخر استخدام: { $when }
account-device-end = تسجيل الخروج من { $device }
account-devices-all = تسجيل الخروج من جميع الأجهزة
account-devices-none = لم تسجّل الدخول على أي جهاز آخر.
account-password = كلمة المرور
account-password-button = تغيير كلمة المرور
account-name = الاسم
account-name-none = لم يُحدَّد
account-name-hint = يمكن للتطبيقات التي تسجّل الدخول إليها رؤيته. اترك الحقل فارغًا لإزالته.
account-name-button = حفظ الاسم
account-email = البريد الإلكتروني
account-email-text = سنرسل رسالة إلى البريد الإلكتروني الجديد لتأكيده. لن يتغير شيء قبل ذلك.
account-email-new = البريد الإلكتروني الجديد
account-email-button = إرسال الرسالة
account-data = بياناتك
account-data-text = ملف بكل البيانات المحفوظة عنك، بصيغة JSON
account-export = تنزيل
account-delete = حذف الحساب
account-remove = حذف
account-delete-what = حذف حسابك وبياناتك نهائيًا
account-delete-text = لا يمكن التراجع عن هذا الإجراء. يُحذف حسابك فورًا، وتُحذف كل البيانات المحفوظة عنك خلال دقائق.
account-delete-button = حذف حسابي
account-apps = التطبيقات
account-apps-text = التطبيقات التي يمكنها الوصول إلى حسابك
apps-title = التطبيقات التي يمكنها الوصول إلى حسابك
apps-text = عند إزالة إذن الوصول، يُسجَّل خروج التطبيق فورًا وعليه أن يطلب إذنك من جديد.
apps-none = لا يملك أي تطبيق إذن الوصول إلى حسابك.
apps-since = تاريخ منح إذن الوصول: { $when }
apps-used = آخر استخدام: { $when }
apps-withdraw = إزالة إذن الوصول
apps-withdraw-of = إزالة إذن الوصول: { $application }
apps-back = العودة إلى حسابك

device-title = ربط جهاز
device-text = أدخل الرمز الظاهر على جهازك.
device-check = تأكد من أن جهازك يعرض هذا الرمز، ثم تابع.
device-code = الرمز
device-code-hint = ثمانية أحرف لاتينية، مثل WDJB-MJHT
device-confirm-title = هل تريد ربط { $application }؟
device-confirm-who = سجّلت الدخول باسم { $email }.
device-confirm-when = وقت الطلب: { $when }
device-confirm-where = مصدر الطلب: { $device }، عنوان IP: { $address }
device-confirm-warning = لا تتابع إلا إذا بدأت هذا الطلب بنفسك على جهاز أمامك. لن يرسل إليك فريق الدعم رمزًا كهذا أبدًا.
device-scopes = سيتمكن { $application } من:
device-allow = السماح
device-cancel = إلغاء

landing-title = مرحبًا بك في { $service }
landing-fresh-title = { $service } يعمل الآن
landing-fresh-text = تظهر هذه الصفحة لأنه لا يوجد أي حساب بعد. عند إنشاء أول حساب، تتحول إلى صفحة ترحيب.
landing-fresh-account = إنشاء أول حساب
landing-fresh-api = أو استدعاء الواجهة البرمجية
landing-fresh-docs = تجربة الواجهة البرمجية
landing-fresh-mail = إلى أن يُعَدّ خادم بريد، تُحفظ الرسائل في مجلد وتظهر روابطها في الطرفية.

error-title = حدث خطأ ما
error-credentials = البريد الإلكتروني أو كلمة المرور غير صحيحة.
error-current-password = كلمة المرور الحالية غير صحيحة.
error-not-verified = أكّد بريدك الإلكتروني أولًا. سجّل الدخول مجددًا لتصلك رسالة تحتوي على رمز.
error-email = أدخل عنوان بريد إلكتروني مثل ada@example.com.
error-email-long = عنوان البريد الإلكتروني هذا طويل جدًا. الحد الأقصى 254 حرفًا.
error-email-taken = يوجد حساب بهذا البريد الإلكتروني. سجّل الدخول بدلًا من ذلك.
error-new-email-taken = هذا البريد الإلكتروني مرتبط بحساب آخر. استخدم بريدًا آخر.
error-email-same = هذا هو بريدك الإلكتروني بالفعل.
error-name = أدخل اسمًا بلا فواصل أسطر أو أحرف غير مرئية.
error-name-long = هذا الاسم طويل جدًا. الحد الأقصى 200 حرف.
error-password-required = أدخل كلمة المرور أو عيّن كلمة مرور جديدة لتأكيد البريد الإلكتروني.
error-password-short = { $min ->
        [one] استخدم حرفًا واحدًا على الأقل.
        [two] استخدم حرفين على الأقل.
        [few] استخدم { $min } أحرف على الأقل.
        [many] استخدم { $min } حرفًا على الأقل.
       *[other] استخدم { $min } حرف على الأقل.
    }
error-password-long = { $max ->
        [one] استخدم حرفًا واحدًا على الأكثر.
        [two] استخدم حرفين على الأكثر.
        [few] استخدم { $max } أحرف على الأكثر.
        [many] استخدم { $max } حرفًا على الأكثر.
       *[other] استخدم { $max } حرف على الأكثر.
    }
error-password-common = ظهرت كلمة المرور هذه في تسريبات بيانات. اختر غيرها.
error-password-guessable = كلمة المرور هذه سهلة التخمين: فهي قريبة جدًا من بريدك الإلكتروني أو من اسمنا.
error-code = انتهت صلاحية هذا الرابط أو الرمز أو سبق استخدامه. اطلب رسالة جديدة.
error-wrong-code = هذا الرمز غير صحيح أو انتهت صلاحيته.
error-device-code = هذا الرمز غير صحيح أو انتهت صلاحيته. تحقّق مما أدخلته أو ابدأ من جديد على جهازك.
error-device-changed = تغيّر هذا الطلب منذ أن فتحت الصفحة. راجع ما يطلبه التطبيق ثم قرّر.
error-logout = تعذّر علينا التحقق من طلب تسجيل الخروج الوارد من التطبيق، لذا لم يتغير شيء.
error-signup-closed = إنشاء حسابات جديدة غير متاح حاليًا.
error-limited = محاولات كثيرة جدًا. انتظر بضع دقائق ثم حاول مجددًا.
error-limited-for = محاولات كثيرة جدًا. انتظر { $wait } ثم حاول مجددًا.
error-limited-over = يمكنك المحاولة مجددًا الآن.
error-form = تعذّر علينا التأكد من أن هذا النموذج أُرسل من موقعنا. راجع ما أدخلته ثم أرسله مجددًا.
error-foreign = أُرسل هذا النموذج من موقع آخر، لذلك لم تتم معالجته. افتح الصفحة من موقعنا ثم حاول مجددًا.
error-unavailable = الخدمة غير متاحة الآن. حاول مجددًا بعد قليل.
error-internal = حدث خطأ من جانبنا. حاول مجددًا، وإن استمر فتواصل مع { $service }.
error-handoff = تعذّر إكمال تسجيل الدخول. افتح التطبيق من جديد. وإذا تكرر ذلك، فاسمح له باستخدام ملفات تعريف الارتباط.
error-not-found = هذه الصفحة غير موجودة.
error-method = لا يمكن فتح هذه الصفحة بهذه الطريقة. ابدأ من جديد من الصفحة الرئيسية.
error-too-large = المحتوى الذي أرسلته طويل جدًا. اختصره ثم حاول مجددًا.
error-headers = أرسل متصفحك بيانات أكثر من اللازم. احذف ملفات تعريف الارتباط لهذا الموقع ثم حاول مجددًا.
error-timeout = استغرق الإرسال وقتًا طويلًا. تحقّق من اتصالك ثم حاول مجددًا.
error-request = تعذّرت قراءة ما أرسله متصفحك. ارجع وأعد تحميل الصفحة ثم حاول مجددًا.
not-found-title = الصفحة غير موجودة
