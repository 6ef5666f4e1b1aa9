//! What an answer says beside its files.
//!
//! Blanks around tags become one empty line; a fence that only wraps the tags is dropped.

/// The prose while it arrives.
#[derive(Debug, Default)]
pub(super) struct Prose {
    /// Blanks that are not yet known to stand between two words.
    blanks: String,
    /// A line that may be a fence around the tags.
    fence: String,
    /// `fence` is complete: only blanks may follow until the tag.
    fence_complete: bool,
    /// A tag stands between the last word and here.
    after_tag: bool,
    /// A fence was dropped before the tags; so is the one after them.
    wrapped: bool,
    any: bool,
    inside_line: bool,
    out: String,
}

impl Prose {
    /// Takes text.
    pub(super) fn push(&mut self, text: &str) {
        for c in text.chars() {
            self.step(c);
        }
    }

    /// A tag follows.
    pub(super) fn tag(&mut self) {
        if self.fence.starts_with("```") {
            self.wrapped = true;
        } else {
            self.flush_fence();
        }
        self.fence.clear();
        self.fence_complete = false;
        self.blanks.clear();
        self.after_tag = true;
        self.inside_line = false;
    }

    /// The end of the answer.
    pub(super) fn finish(&mut self) {
        if !(self.wrapped && self.fence.trim() == "```") {
            self.flush_fence();
        }
        self.fence.clear();
    }

    /// What can be shown since the last call.
    pub(super) fn fresh(&mut self) -> Option<String> {
        (!self.out.is_empty()).then(|| std::mem::take(&mut self.out))
    }

    fn step(&mut self, c: char) {
        if self.fence.is_empty() {
            match c {
                '`' if !self.inside_line => self.fence.push(c),
                c if c.is_whitespace() => {
                    self.blanks.push(c);
                    if c == '\n' {
                        self.inside_line = false;
                    }
                }
                c => self.word(c),
            }
            return;
        }
        if self.fence_complete {
            if c.is_whitespace() {
                self.fence.push(c);
                return;
            }
        } else {
            let ticks = self.fence.len() < 3;
            let fits = if ticks {
                c == '`'
            } else {
                c.is_ascii_alphanumeric() || matches!(c, ' ' | '\t' | '\r' | '-' | '+' | '\n')
            };
            if fits && self.fence.len() < 64 {
                self.fence.push(c);
                self.fence_complete = c == '\n';
                return;
            }
        }
        let closes = self.fence_complete && self.wrapped && self.fence.trim() == "```";
        if closes {
            self.wrapped = false;
            self.fence.clear();
        } else {
            self.flush_fence();
        }
        self.fence_complete = false;
        self.step(c);
    }

    /// The held line was none around tags.
    fn flush_fence(&mut self) {
        let fence = std::mem::take(&mut self.fence);
        for c in fence.chars() {
            if c.is_whitespace() {
                self.blanks.push(c);
                if c == '\n' {
                    self.inside_line = false;
                }
            } else {
                self.word(c);
            }
        }
    }

    fn word(&mut self, c: char) {
        let blanks = std::mem::take(&mut self.blanks);
        if self.any {
            self.out
                .push_str(if self.after_tag { "\n\n" } else { &blanks });
        }
        self.any = true;
        self.after_tag = false;
        self.inside_line = true;
        self.out.push(c);
    }
}
