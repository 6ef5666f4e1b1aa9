//! What of a request its model would refuse, settled before it is sent.
//!
//! | asked for | of whom | what becomes of it |
//! | --- | --- | --- |
//! | temperature, top-p | OpenAI's models while they reason | left out: they only tune the choice of words |
//! | stop texts | the same; more than four; xAI's | looked for here ([`Until`](labd_plugin::ai::Until)) |
//! | effort | models that take none | left out |
//!
//! What is left out is logged.

use crate::dialect::{Dialect, EffortWords, Stops};
use crate::effort;
use labd_plugin::ai::{Effort, Request};
use serde_json::Map;

/// The most stop texts that OpenAI takes.
const STOPS: usize = 4;

/// What was done to a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// What was asked for and the model does not take.
    pub left_out: Vec<&'static str>,
    /// Stop texts that the server is not told of, to be looked for in the answer.
    pub stops: Vec<String>,
}

/// Takes from a request what its model would refuse.
pub fn settle(request: &mut Request, dialect: &Dialect) -> Settled {
    let mut settled = Settled::default();
    let samples = dialect.effort != EffortWords::OpenAi
        || effort::openai_samples(&request.model, request.effort);
    if !samples {
        if request.temperature.take().is_some() {
            let what = "the temperature, which this model does not take while it reasons";
            settled.left_out.push(what);
        }
        if request.top_p.take().is_some() {
            let what = "top-p, which this model does not take while it reasons";
            settled.left_out.push(what);
        }
    }
    let told = match dialect.stops {
        Stops::Told => true,
        Stops::UpToFour => samples && request.stop.len() <= STOPS,
        Stops::Untold => false,
    };
    if !told {
        settled.stops = std::mem::take(&mut request.stop);
    }
    if let Some(wanted) = request.effort {
        let mut words = Map::new();
        effort::write(&mut words, dialect.effort, &request.model, wanted);
        if words.is_empty() {
            request.effort = None;
            if wanted != Effort::Off {
                let what = "how much to reason, which this model cannot be told";
                settled.left_out.push(what);
            }
        }
    }
    settled
}

#[cfg(test)]
mod tests {
    use super::*;
    use labd_plugin::testing::ai::request;

    fn settled(model: &str, effort: Option<Effort>, dialect: &Dialect) -> (Request, Settled) {
        let mut wanted = request(model, "Hello");
        wanted.temperature = Some(0.5);
        wanted.top_p = Some(0.5);
        wanted.stop = vec!["END".into()];
        wanted.effort = effort;
        let settled = settle(&mut wanted, dialect);
        (wanted, settled)
    }

    #[test]
    fn models_of_openai_are_not_told_how_to_choose_words_while_they_reason() {
        for (model, effort, samples) in [
            ("gpt-4.1", None, true),
            ("gpt-5-chat-latest", None, true),
            ("gpt-5-mini", None, false),
            ("o3", Some(Effort::Off), false),
            ("gpt-5.4", None, true),
            ("gpt-5.4", Some(Effort::Off), true),
            ("gpt-5.4", Some(Effort::Low), false),
            ("gpt-5.4-pro", None, false),
            ("gpt-5.1-codex", None, false),
            ("gpt-5.1-codex", Some(Effort::Off), false),
            ("gpt-5.1-codex-max", Some(Effort::Off), false),
            ("gpt-5.3-codex", None, false),
            ("gpt-5.3-codex", Some(Effort::Off), false),
            // What newer ones do unasked is not known.
            ("gpt-5.9", None, false),
            ("gpt-5.9", Some(Effort::Off), true),
            ("gpt-6-mini", None, false),
            ("o7", None, false),
            // Deployments have any name.
            ("acme-deployment", None, true),
        ] {
            let (sent, settled) = settled(model, effort, &Dialect::OPENAI);
            assert_eq!(sent.temperature.is_some(), samples, "{model} {effort:?}");
            assert_eq!(sent.top_p.is_some(), samples, "{model} {effort:?}");
            assert_eq!(sent.stop.is_empty(), !samples, "{model} {effort:?}");
            assert_eq!(settled.stops.is_empty(), samples, "{model} {effort:?}");
            let left_out = settled.left_out.concat();
            for word in ["temperature", "top-p"] {
                assert_eq!(left_out.contains(word), !samples, "{model} {left_out}");
            }
        }
        // Other servers give models names of their own.
        let (sent, settled) = settled("gpt-5-mini", None, &Dialect::COMMON);
        assert_eq!((sent.temperature, settled), (Some(0.5), Settled::default()));
    }

    #[test]
    fn stop_texts_that_are_too_many_are_looked_for_here() {
        let mut wanted = request("gpt-4.1", "Hello");
        wanted.stop = ["a", "b", "c", "d", "e"].map(Into::into).to_vec();
        let all = wanted.stop.clone();
        assert_eq!(settle(&mut wanted, &Dialect::OPENAI).stops, all);
        assert_eq!(wanted.stop, [""; 0]);
        wanted.stop = all.clone();
        assert_eq!(settle(&mut wanted, &Dialect::COMMON).stops, [""; 0]);
        assert_eq!(settle(&mut wanted, &Dialect::XAI).stops, all);
    }

    #[test]
    fn a_model_that_cannot_be_told_how_much_to_reason_is_not_told() {
        for (dialect, model, told) in [
            (Dialect::OPENAI, "gpt-4.1", false),
            (Dialect::OPENAI, "gpt-6", true),
            (Dialect::GROQ, "llama-3.3-70b-versatile", false),
            (Dialect::GROQ, "openai/gpt-oss-120b", true),
            (Dialect::XAI, "grok-4", false),
            (Dialect::XAI, "grok-4.3", true),
            (Dialect::MISTRAL, "mistral-large-latest", false),
            (Dialect::MISTRAL, "mistral-small-latest", true),
        ] {
            let (sent, settled) = settled(model, Some(Effort::High), &dialect);
            assert_eq!(sent.effort.is_some(), told, "{model}");
            let logged = settled.left_out.concat().contains("how much to reason");
            assert_eq!(logged, !told, "{model}");
        }
        let (_, settled) = settled("gpt-4.1", Some(Effort::Off), &Dialect::OPENAI);
        assert_eq!(settled, Settled::default(), "it does not reason anyway");
    }
}
