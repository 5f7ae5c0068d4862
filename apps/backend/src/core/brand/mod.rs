//! The colors of pages and emails, derived from the operator's color for light and dark backgrounds.
//!
//! Any color can be set. The button keeps it if it can be told from its background; links use the nearest shade that is
//! readable. WCAG 2.2: the text of buttons and links has a contrast of at least 4.5 (AA, §1.4.3), the outline of a button
//! and the focus ring at least 3 (§1.4.11), body text at least 7 (AAA, §1.4.6).

mod contrast;
mod tone;

pub use self::contrast::contrast;
use self::tone::Tone;
use crate::settings::{Color, Pages};

/// The minimum contrast of text (WCAG 2.2 §1.4.3).
pub const TEXT: f64 = 4.5;
/// The minimum contrast of a control (WCAG 2.2 §1.4.11).
pub const CONTROL: f64 = 3.0;
/// Below this contrast with its background, a button would not look like one, with or without an outline.
const VISIBLE: f64 = 1.3;

/// The colors of an installation, in both schemes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brand {
    /// The light scheme.
    pub light: Palette,
    /// The dark scheme.
    pub dark: Palette,
}

/// The colors of one scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    /// The main button: the operator's color, or [`Surfaces::ink`] if that would be invisible.
    pub button: Color,
    /// The text of the main button.
    pub on_button: Color,
    /// The main button while the pointer is over it.
    pub button_hover: Color,
    /// The outline of the main button.
    pub button_edge: Color,
    /// Links, the focus ring, and other elements in the operator's color on a surface.
    pub link: Color,
}

/// The background colors and the text color of a scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surfaces {
    /// The background around the card.
    pub ground: Color,
    /// The card.
    pub sheet: Color,
    /// Text.
    pub ink: Color,
}

/// The light scheme of pages and emails; the style sheet has the same.
pub const LIGHT: Surfaces = Surfaces {
    ground: Color::rgb(0xf6, 0xf7, 0xf9),
    sheet: Color::rgb(0xff, 0xff, 0xff),
    ink: Color::rgb(0x15, 0x17, 0x1c),
};

/// The dark scheme of pages and emails; the style sheet has the same.
pub const DARK: Surfaces = Surfaces {
    ground: Color::rgb(0x0e, 0x0f, 0x12),
    sheet: Color::rgb(0x18, 0x1a, 0x1f),
    ink: Color::rgb(0xf2, 0xf3, 0xf5),
};

impl Brand {
    /// The colors of the settings.
    pub fn new(pages: &Pages) -> Self {
        Self::of(pages.color, pages.color_dark.unwrap_or(pages.color))
    }

    /// The colors for a light and a dark variant of the operator's color.
    pub fn of(light: Color, dark: Color) -> Self {
        Self {
            light: Palette::on(&LIGHT, light),
            dark: Palette::on(&DARK, dark),
        }
    }
}

impl Palette {
    /// The colors that `color` yields on these surfaces.
    fn on(surfaces: &Surfaces, color: Color) -> Self {
        let button = match contrast(color, surfaces.sheet) >= VISIBLE {
            true => color,
            false => surfaces.ink,
        };
        let on_button = written_on(button);
        let towards = Tone::opposite_of(on_button);
        Self {
            button,
            on_button,
            button_hover: Tone::of(button).mixed(towards, 0.12).color(),
            button_edge: readable(button, &[surfaces.sheet], CONTROL),
            link: readable(color, &surfaces.all(), TEXT),
        }
    }
}

impl Surfaces {
    /// The surfaces behind text and links.
    pub fn all(&self) -> [Color; 2] {
        [self.ground, self.sheet]
    }
}

/// White if it is readable, as is usual on buttons; otherwise black. At least one of them is always readable.
fn written_on(button: Color) -> Color {
    match contrast(Color::WHITE, button) >= TEXT {
        true => Color::WHITE,
        false => Color::BLACK,
    }
}

/// The shade nearest to `color` that has this contrast with all of `surfaces`, which are all light or all dark.
fn readable(color: Color, surfaces: &[Color], least: f64) -> Color {
    let enough = |color| surfaces.iter().all(|surface| contrast(color, *surface) >= least);
    if enough(color) {
        return color;
    }
    let is_light = surfaces.iter().any(|surface| written_on(*surface) == Color::BLACK);
    let towards = if is_light { Tone::BLACK } else { Tone::WHITE };
    let at = |part| Tone::of(color).mixed(towards, part).color();
    // The last step always has enough contrast: black on a light surface, white on a dark one.
    let (mut too_near, mut far) = (0.0, 1.0);
    for _ in 0..12 {
        let middle = f64::midpoint(too_near, far);
        if enough(at(middle)) {
            far = middle;
        } else {
            too_near = middle;
        }
    }
    at(far)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_readable(surfaces: &Surfaces, palette: &Palette, color: Color) {
        let what = color.css();
        let at_least = |one: Color, other: Color, least: f64, part: &str| {
            let found = contrast(one, other);
            assert!(
                found >= least,
                "{what}: {part} {} on {}: {found:.2}",
                one.css(),
                other.css()
            );
        };
        at_least(palette.on_button, palette.button, TEXT, "the text of the button");
        at_least(
            palette.on_button,
            palette.button_hover,
            TEXT,
            "the text of the button under the pointer",
        );
        at_least(
            palette.button_edge,
            surfaces.sheet,
            CONTROL,
            "the outline of the button",
        );
        for surface in surfaces.all() {
            at_least(palette.link, surface, TEXT, "links and the focus ring");
            at_least(surfaces.ink, surface, 7.0, "text");
        }
    }

    #[test]
    fn every_colour_can_be_read_on_light_and_on_dark() {
        let steps = || (0..16_u8).map(|step| step * 17);
        let mut seen = 0;
        for red in steps() {
            for green in steps() {
                for blue in steps() {
                    let color = Color::rgb(red, green, blue);
                    let brand = Brand::of(color, color);
                    assert_readable(&LIGHT, &brand.light, color);
                    assert_readable(&DARK, &brand.dark, color);
                    seen += 1;
                }
            }
        }
        assert_eq!(seen, 4_096);
    }

    #[test]
    fn a_colour_that_can_be_read_is_kept() {
        let blue = Color::rgb(0x1f, 0x4f, 0xd8);
        let brand = Brand::of(blue, blue);
        assert_eq!(
            (brand.light.button, brand.light.button_edge, brand.light.link),
            (blue, blue, blue)
        );
        assert_eq!(brand.light.on_button, Color::WHITE);
        assert_eq!(brand.dark.button, blue);
        assert_ne!(brand.dark.link, blue);
        // A yellow button stays yellow, with black text and an outline.
        let yellow = Color::rgb(0xff, 0xd4, 0x00);
        let brand = Brand::of(yellow, yellow);
        assert_eq!((brand.light.button, brand.light.on_button), (yellow, Color::BLACK));
        assert_eq!(brand.dark.link, yellow);
        // White on white and black on black would be invisible.
        assert_eq!(Brand::of(Color::WHITE, Color::WHITE).light.button, LIGHT.ink);
        assert_eq!(Brand::of(Color::BLACK, Color::BLACK).dark.button, DARK.ink);
    }
}
