//! A section is declared once with [`section!`], which makes its struct, its rows of the table and its reading. The
//! table drives loading, the check of unknown names, `countersign settings` and `docs/settings.md`.

/// Declares a section: a documented struct whose every field is a setting with a default.
///
/// `#[warning = "…"]` and `#[default_is = "…"]` are optional. `sections { … }` holds the sections inside (the top
/// level alone has them).
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $section:ident $prefix:literal {
            $(
                $(#[doc = $doc:literal])+
                $(#[warning = $warning:literal])?
                $(#[default_is = $default_is:literal])?
                $field:ident: $kind:ty = $default:literal,
            )+
            $(sections { $($(#[doc = $inner_doc:literal])+ $inner:ident: $inner_kind:ty,)+ })?
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone)]
        pub struct $section {
            $($(#[doc = $doc])+ $(#[doc = ""] #[doc = concat!("Warning: ", $warning)])? pub $field: $kind,)+
            $($($(#[doc = $inner_doc])+ pub $inner: $inner_kind,)+)?
        }

        impl $section {
            /// The rows of this section in the table of settings.
            pub(in crate::settings) const TABLE: &'static [$crate::settings::setting::Setting] = &[$(
                $crate::settings::setting::Setting {
                    name: concat!($prefix, stringify!($field)),
                    meaning: concat!($($doc),+),
                    warning: concat!($($warning)?),
                    default: $default,
                    default_is: concat!($($default_is)?),
                    form: <$kind as $crate::settings::value::Value>::FORM,
                    secret: <$kind as $crate::settings::value::Value>::SECRET,
                },
            )+];

            /// Takes the values of this section; mistakes are kept in `values`.
            pub(in crate::settings) fn read(values: &mut $crate::settings::values::Values) -> Self {
                Self {
                    $($field: values.take(concat!($prefix, stringify!($field))),)+
                    $($($inner: <$inner_kind>::read(values),)+)?
                }
            }
        }
    };
}

/// Declares a setting that is one of a few words.
macro_rules! choice {
    (
        $(#[doc = $about:literal])+
        $choice:ident: $form:literal { $($(#[doc = $doc:literal])+ $variant:ident = $word:literal,)+ }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $choice {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl $crate::settings::value::Value for $choice {
            const FORM: &'static str = $form;

            fn parse(text: &str) -> Result<Self, $crate::settings::value_error::ValueError> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::settings::value_error::ValueError::new(format!("invalid value {text:?}"), concat!("expected ", $form))),
                }
            }
        }
    };
}

pub(super) use {choice, section};
