//! Stop texts that an upstream is not told of.

use super::{Decoder, Event, FinishReason, Flow};
use crate::Result;

/// A [`Decoder`] whose text ends in front of the first stop text that comes, for an upstream that does
/// not take those of a request: as it would there, the answer is finished, and the connection closed.
#[derive(Debug)]
pub struct Until<D> {
    inner: D,
    stops: Vec<String>,
    /// The end of the text, as long as it may be the beginning of a stop text.
    held: String,
}

impl<D> Until<D> {
    /// With these stop texts; without any it is the decoder itself.
    pub fn new(stops: Vec<String>, inner: D) -> Self {
        let stops = stops.into_iter().filter(|stop| !stop.is_empty()).collect();
        Self {
            inner,
            stops,
            held: String::new(),
        }
    }

    /// Looks at the events after the first `known` ones.
    fn look(&mut self, known: usize, events: &mut Vec<Event>) -> Flow {
        for event in events.split_off(known) {
            match event {
                Event::Text(more) => {
                    self.held.push_str(&more);
                    if self.cut() {
                        self.release(events);
                        events.push(Event::Finish(FinishReason::Stop));
                        return Flow::Done;
                    }
                    let kept = self.held.split_off(self.held.len() - self.doubtful());
                    self.release(events);
                    self.held = kept;
                }
                // Where it stands among the texts does not matter.
                Event::Usage(usage) => events.push(Event::Usage(usage)),
                other => {
                    self.release(events);
                    events.push(other);
                }
            }
        }
        Flow::More
    }

    /// Cuts the text in front of the first stop text; whether there is one.
    fn cut(&mut self) -> bool {
        let places = self.stops.iter().filter_map(|stop| self.held.find(stop));
        match places.min() {
            Some(place) => {
                self.held.truncate(place);
                true
            }
            None => false,
        }
    }

    /// Bytes at the end of the text that begin a stop text.
    fn doubtful(&self) -> usize {
        let begins = |from: &usize| {
            let end = self.held.get(*from..).unwrap_or_default();
            self.stops.iter().any(|stop| stop.starts_with(end))
        };
        let starts = self.held.char_indices().map(|(at, _)| at);
        starts
            .filter(begins)
            .min()
            .map_or(0, |from| self.held.len() - from)
    }

    fn release(&mut self, events: &mut Vec<Event>) {
        if !self.held.is_empty() {
            events.push(Event::Text(std::mem::take(&mut self.held)));
        }
    }

    /// The same of what another call of the decoder gave.
    fn after(
        &mut self,
        result: Result<Flow>,
        known: usize,
        events: &mut Vec<Event>,
    ) -> Result<Flow> {
        if self.look(known, events) == Flow::Done {
            return Ok(Flow::Done);
        }
        if !matches!(result, Ok(Flow::More)) {
            self.release(events);
        }
        result
    }
}

impl<F, D: Decoder<F>> Decoder<F> for Until<D> {
    fn frame(&mut self, frame: F, events: &mut Vec<Event>) -> Result<Flow> {
        let known = events.len();
        let result = self.inner.frame(frame, events);
        if self.stops.is_empty() {
            return result;
        }
        self.after(result, known, events)
    }

    fn end(&mut self, events: &mut Vec<Event>) -> Result<()> {
        let known = events.len();
        let result = self.inner.end(events).map(|()| Flow::Done);
        if self.stops.is_empty() {
            return result.map(drop);
        }
        self.after(result, known, events).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use crate::ai::Usage;

    /// Tells each frame as text; of `!` it is an error, of `.` the end.
    struct Said;

    impl Decoder<&str> for Said {
        fn frame(&mut self, frame: &str, events: &mut Vec<Event>) -> Result<Flow> {
            match frame {
                "!" => return Err(Error::Overloaded),
                "." => {
                    events.push(Event::Usage(Usage {
                        input: Some(1),
                        cached_input: None,
                        cache_writes: None,
                        output: Some(1),
                        reasoning: None,
                    }));
                    events.push(Event::Finish(FinishReason::Length));
                    return Ok(Flow::Done);
                }
                text => events.push(Event::Text(text.into())),
            }
            Ok(Flow::More)
        }
    }

    /// The text, why it ended, and how many frames were read.
    fn told(stops: &[&str], frames: &[&'static str]) -> (String, Option<FinishReason>, usize) {
        let stops = stops.iter().map(|stop| (*stop).to_owned()).collect();
        let mut until = Until::new(stops, Said);
        let (mut events, mut read) = (Vec::new(), 0);
        let ended = frames.iter().find(|frame| {
            read += 1;
            !matches!(until.frame(**frame, &mut events), Ok(Flow::More))
        });
        if ended.is_none() {
            assert!(until.end(&mut events).is_err());
        }
        let text = events.iter().filter_map(|event| match event {
            Event::Text(text) => Some(text.as_str()),
            _ => None,
        });
        let finish = events.iter().find_map(|event| match event {
            Event::Finish(reason) => Some(*reason),
            _ => None,
        });
        (text.collect(), finish, read)
    }

    #[test]
    fn the_text_ends_in_front_of_the_first_stop_text_however_it_comes() {
        let stop = Some(FinishReason::Stop);
        for frames in [
            &["one END two END", "."][..],
            &["one E", "ND two", "."],
            &["one ", "E", "N", "D", " two", "."],
        ] {
            let (text, finish, read) = told(&["two", "END"], frames);
            assert_eq!((text.as_str(), finish), ("one ", stop), "{frames:?}");
            assert!(read < frames.len(), "nothing is read after it");
        }
        let (text, ..) = told(&["東京", "東北"], &["こ東", "東", "京", "."]);
        assert_eq!(text, "こ東");
    }

    #[test]
    fn what_only_begins_like_a_stop_text_is_told_at_the_end() {
        let length = Some(FinishReason::Length);
        for stops in [&["END"][..], &[], &[""]] {
            let all = told(stops, &["one E", "N two EN", "."]);
            assert_eq!(all, ("one EN two EN".into(), length, 3), "{stops:?}");
        }
        // What came before an error is kept, and before a connection that breaks.
        assert_eq!(told(&["END"], &["EN", "!"]), ("EN".into(), None, 2));
        assert_eq!(told(&["END"], &["EN"]), ("EN".into(), None, 1));
    }
}
