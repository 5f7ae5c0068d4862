//! Perceptual color mixing (Oklab, Björn Ottosson 2020), which keeps the hue of lighter and darker tones.

use super::contrast::linear;
use crate::settings::Color;

/// A color in the cone space of Oklab, in which mixing is linear.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tone([f64; 3]);

impl Tone {
    pub(super) const BLACK: Self = Self([0.0; 3]);
    pub(super) const WHITE: Self = Self([1.0; 3]);

    pub(super) fn of(color: Color) -> Self {
        let [red, green, blue] = color.parts().map(linear);
        let cone = |[r, g, b]: [f64; 3]| (r * red + g * green + b * blue).cbrt();
        Self([
            cone([0.412_221_470_8, 0.536_332_536_3, 0.051_445_992_9]),
            cone([0.211_903_498_2, 0.680_699_545_1, 0.107_396_956_6]),
            cone([0.088_302_461_9, 0.281_718_837_6, 0.629_978_700_5]),
        ])
    }

    /// Returns the tone away from the text color: black for white text, white for any other.
    pub(super) fn opposite_of(written: Color) -> Self {
        match written == Color::WHITE {
            true => Self::BLACK,
            false => Self::WHITE,
        }
    }

    /// Mixes with another tone: 0 is this one, 1 the other.
    pub(super) fn mixed(self, other: Self, part: f64) -> Self {
        let Self([a, b, c]) = self;
        let Self([x, y, z]) = other;
        let mix = |from: f64, to: f64| from + (to - from) * part;
        Self([mix(a, x), mix(b, y), mix(c, z)])
    }

    /// Returns the nearest sRGB color.
    pub(super) fn color(self) -> Color {
        let [l, m, s] = self.0.map(|cone| cone.powi(3));
        let part = |[x, y, z]: [f64; 3]| part(x * l + y * m + z * s);
        Color::rgb(
            part([4.076_741_662_1, -3.307_711_591_3, 0.230_969_929_2]),
            part([-1.268_438_004_6, 2.609_757_401_1, -0.341_319_396_5]),
            part([-0.004_196_086_3, -0.703_418_614_7, 1.707_614_701_0]),
        )
    }
}

/// The inverse of [`linear`].
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it lies between 0 and 255"
)]
fn part(light: f64) -> u8 {
    let light = light.clamp(0.0, 1.0);
    let part = if light <= 0.003_130_8 {
        light * 12.92
    } else {
        1.055 * light.powf(1.0 / 2.4) - 0.055
    };
    (part * 255.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_comes_back_as_it_was() {
        for color in [
            Color::BLACK,
            Color::WHITE,
            Color::rgb(0x1f, 0x4f, 0xd8),
            Color::rgb(255, 0, 1),
        ] {
            assert_eq!(Tone::of(color).color(), color);
        }
        assert_eq!(
            Tone::of(Color::rgb(9, 200, 7)).mixed(Tone::WHITE, 1.0).color(),
            Color::WHITE
        );
    }
}
