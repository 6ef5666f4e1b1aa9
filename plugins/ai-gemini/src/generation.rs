//! What a model takes, by its name.
//!
//! | models | think by | range |
//! | --- | --- | --- |
//! | until 2.0, and those that are not Gemini | nothing | |
//! | 2.5 Flash, 2.5 Flash-Lite | a budget | 0, 512 to 24 576 tokens |
//! | 2.5 Pro | a budget | 128 to 32 768 tokens, never off |
//! | 3 and later, Flash | a level | minimal, low, medium, high |
//! | 3 Pro | a level | low, high |
//! | 3.1 Pro and later | a level | low, medium, high |
//!
//! Since 3.6, and of 3.5 Flash-Lite, temperature and top-p do nothing, and will be refused by later
//! models; a request that ends with words of the model's is refused. A name without a version, such
//! as `gemini-flash-latest`, is taken for the newest; so is a newer one than these. What draws, speaks
//! or moves is told nothing of thinking, and minimal is said to Flash only.

use labd_plugin::ai::Effort;

/// Words in the names of models that do something else than to answer in words.
const SPECIAL: [&str; 6] = ["image", "tts", "audio", "live", "robotics", "computer"];

/// What a model is told of thinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// At most so many tokens; 0 is off.
    Budget(u32),
    /// `MINIMAL`, `LOW`, `MEDIUM` or `HIGH`.
    Level(&'static str),
}

/// A model's name, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation {
    /// 205 is 2.5; 0 is no Gemini.
    version: u32,
    is_pro: bool,
    is_flash: bool,
    is_small: bool,
    /// It does something else than to answer in words.
    is_special: bool,
}

impl Generation {
    /// Of a model.
    pub fn of(model: &str) -> Self {
        let model = model.to_ascii_lowercase();
        let Some((_, name)) = model.split_once("gemini-") else {
            return Self {
                version: 0,
                is_pro: false,
                is_flash: false,
                is_small: false,
                is_special: false,
            };
        };
        let mut words = name.split('-');
        let version = words.next().unwrap_or_default();
        let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
        let version = match (major.parse::<u32>(), minor.parse::<u32>()) {
            (Ok(major), Ok(minor)) if major < 100 && minor < 100 => major * 100 + minor,
            // `gemini-flash-latest`, and what comes yet.
            _ => u32::MAX,
        };
        Self {
            version,
            is_pro: name.contains("pro"),
            is_flash: name.contains("flash"),
            is_small: name.contains("flash-lite"),
            is_special: SPECIAL.iter().any(|word| name.contains(word)),
        }
    }

    /// It wants back the signatures of its calls of tools.
    pub fn wants_signatures(self) -> bool {
        self.version >= 300
    }

    /// It takes `temperature` and `topP`.
    pub fn samples(self) -> bool {
        self.version < 306 && !(self.version == 305 && self.is_small)
    }

    /// It is sure to refuse a conversation that ends with words of its own. Of a name without a
    /// version nobody can be sure.
    pub fn refuses_first_words(self) -> bool {
        !self.samples() && self.version != u32::MAX
    }

    /// What to tell it; none when it cannot be told.
    pub fn told(self, effort: Effort) -> Option<Told> {
        match self.version {
            _ if self.is_special => None,
            ..205 => None,
            205..300 => Some(Told::Budget(self.budget(effort))),
            _ => Some(Told::Level(self.level(effort))),
        }
    }

    /// The level for it where levels hold for all models that think.
    pub fn level_of_all(self, effort: Effort) -> Option<&'static str> {
        self.told(effort).map(|_| self.level(effort))
    }

    fn budget(self, effort: Effort) -> u32 {
        match effort {
            Effort::Off if self.is_pro => 128,
            Effort::Off => 0,
            Effort::Minimal => 512,
            Effort::Low => 2048,
            Effort::Medium => 8192,
            Effort::High => 16_384,
            Effort::Highest if self.is_pro => 32_768,
            Effort::Highest => 24_576,
        }
    }

    fn level(self, effort: Effort) -> &'static str {
        match effort {
            Effort::Off | Effort::Minimal if self.is_flash => "MINIMAL",
            Effort::Off | Effort::Minimal | Effort::Low => "LOW",
            Effort::Medium if self.is_pro && self.version == 300 => "HIGH",
            Effort::Medium => "MEDIUM",
            Effort::High | Effort::Highest => "HIGH",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_models_take_neither_sampling_nor_first_words() {
        for (model, samples, refuses) in [
            ("gemma-3-27b-it", true, false),
            ("gemini-2.5-pro", true, false),
            ("gemini-3.5-flash", true, false),
            ("gemini-3.5-flash-lite", false, true),
            ("models/gemini-3.6-flash", false, true),
            ("gemini-4-pro-preview", false, true),
            ("gemini-flash-latest", false, false),
        ] {
            let found = Generation::of(model);
            let told = (found.samples(), found.refuses_first_words());
            assert_eq!(told, (samples, refuses), "{model}");
        }
    }

    #[test]
    fn each_model_is_told_in_its_way() {
        for (model, effort, told) in [
            ("gemini-1.5-pro", Effort::High, None),
            ("gemini-2.0-flash", Effort::High, None),
            ("gemma-3-27b-it", Effort::High, None),
            ("gemini-2.5-flash-lite", Effort::Off, Some(Told::Budget(0))),
            (
                "gemini-2.5-flash",
                Effort::Highest,
                Some(Told::Budget(24_576)),
            ),
            ("gemini-2.5-pro", Effort::Off, Some(Told::Budget(128))),
            (
                "gemini-2.5-pro",
                Effort::Highest,
                Some(Told::Budget(32_768)),
            ),
            (
                "models/gemini-3-pro-preview",
                Effort::Medium,
                Some(Told::Level("HIGH")),
            ),
            (
                "gemini-3.1-pro-preview",
                Effort::Medium,
                Some(Told::Level("MEDIUM")),
            ),
            (
                "gemini-3.1-pro-preview",
                Effort::Off,
                Some(Told::Level("LOW")),
            ),
            (
                "gemini-3-flash-preview",
                Effort::Off,
                Some(Told::Level("MINIMAL")),
            ),
            ("gemini-flash-latest", Effort::Low, Some(Told::Level("LOW"))),
            (
                "gemini-flash-latest",
                Effort::Off,
                Some(Told::Level("MINIMAL")),
            ),
            ("gemini-9-ultra", Effort::Off, Some(Told::Level("LOW"))),
            ("gemini-9-ultra", Effort::Highest, Some(Told::Level("HIGH"))),
            ("gemini-2.5-flash-image", Effort::High, None),
            ("gemini-3.1-flash-tts-preview", Effort::High, None),
            ("gemini-robotics-er-2-preview", Effort::High, None),
        ] {
            assert_eq!(
                Generation::of(model).told(effort),
                told,
                "{model} {effort:?}"
            );
        }
    }
}
