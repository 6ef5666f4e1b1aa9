//! The content of one file or edit while it arrives.
//!
//! Three stages, each a small machine over characters, none of which looks back:
//! 1. the rest of the tag's own line is dropped, and a fence that opens the file;
//! 2. what may turn out not to belong to the file is held: the indentation of a closing tag, and
//!    the fence that closes a fenced file;
//! 3. escaped angle brackets are taken back if the whole file is escaped: it has `&lt;` or `&gt;`
//!    and not one bracket of its own. From the first entity on, text is held until that is known.

use super::tag::{ENTITIES, unescape};
use crate::limits::FILE_BYTES;

/// Longest first line that can still be a fence.
const FENCE_LINE: usize = 64;

#[derive(Debug)]
enum Lead {
    /// On the tag's own line; blanks so far.
    TagLine(String),
    /// On the first line; it may be a fence.
    FirstLine(String),
    /// Inside.
    Inside,
}

#[derive(Debug)]
enum Escape {
    /// Neither a bracket nor an entity so far; the start of a possible entity.
    Unknown(String),
    /// An entity came before any bracket.
    Perhaps(String),
    /// The file has brackets of its own.
    No,
}

/// The content while it arrives.
#[derive(Debug)]
pub(super) struct Body {
    lead: Lead,
    /// A fence as a first line is content: it is Markdown.
    markdown: bool,
    fenced: bool,
    /// Held by stage 2, from the beginning of a line.
    held: String,
    line_start: bool,
    escape: Escape,
    text: String,
    /// Bytes of `text` that were shown.
    shown: usize,
    too_large: bool,
}

impl Body {
    pub(super) fn new(extension: &str) -> Self {
        Self {
            lead: Lead::TagLine(String::new()),
            markdown: matches!(extension, "md" | "mdx" | "markdown"),
            fenced: false,
            held: String::new(),
            line_start: true,
            escape: Escape::Unknown(String::new()),
            text: String::new(),
            shown: 0,
            too_large: false,
        }
    }

    /// Whether nothing but blanks stands before this place on its line.
    pub(super) fn at_line_start(&self) -> bool {
        match &self.lead {
            Lead::TagLine(_) => true,
            Lead::FirstLine(line) => line.trim().is_empty(),
            Lead::Inside => {
                let line = self.held.rsplit('\n').next().unwrap_or_default();
                self.line_start && line.trim().is_empty()
            }
        }
    }

    /// Takes text.
    pub(super) fn push(&mut self, text: &str) {
        for c in text.chars() {
            self.lead(c);
        }
    }

    /// What can be shown since the last call.
    pub(super) fn fresh(&mut self) -> Option<String> {
        let fresh = self
            .text
            .get(self.shown..)
            .filter(|fresh| !fresh.is_empty())?
            .to_owned();
        self.shown = self.text.len();
        Some(fresh)
    }

    /// Ends the content. None when it is too large.
    pub(super) fn finish(&mut self) -> Option<String> {
        match std::mem::replace(&mut self.lead, Lead::Inside) {
            Lead::TagLine(_) | Lead::Inside => {}
            Lead::FirstLine(line) => line.chars().for_each(|c| self.hold(c)),
        }
        let held = std::mem::take(&mut self.held);
        let blank = held.trim().is_empty();
        if !blank && (!self.fenced || !is_fence_end(&held)) {
            held.chars().for_each(|c| self.unescape(c));
        }
        match std::mem::replace(&mut self.escape, Escape::No) {
            Escape::No => {}
            Escape::Unknown(text) => self.emit(&text),
            Escape::Perhaps(text) => {
                let escaped = text.contains("&lt;") || text.contains("&gt;");
                let text = if escaped { unescape(&text) } else { text };
                self.emit(&text);
            }
        }
        (!self.too_large).then(|| self.text.clone())
    }

    fn lead(&mut self, c: char) {
        match &mut self.lead {
            Lead::TagLine(blanks) => match c {
                '\n' => self.lead = Lead::FirstLine(String::new()),
                ' ' | '\t' | '\r' => blanks.push(c),
                _ => {
                    let blanks = std::mem::take(blanks);
                    self.lead = Lead::FirstLine(blanks);
                    self.lead(c);
                }
            },
            Lead::FirstLine(line) => {
                line.push(c);
                let may_be_fence = !self.markdown
                    && line.len() <= FENCE_LINE
                    && "```".starts_with(line.trim_start().get(..3).unwrap_or(line.trim_start()));
                if may_be_fence && c != '\n' {
                    return;
                }
                let line = std::mem::take(line);
                self.lead = Lead::Inside;
                if may_be_fence && line.trim_start().starts_with("```") {
                    self.fenced = true;
                } else {
                    line.chars().for_each(|c| self.hold(c));
                }
            }
            Lead::Inside => self.hold(c),
        }
    }

    fn hold(&mut self, c: char) {
        if self.line_start && (c == ' ' || c == '\t') {
            self.held.push(c);
            return;
        }
        if self.fenced && self.line_start {
            self.held.push(c);
            if may_be_fence_end(&self.held, c) {
                return;
            }
            // It was not the fence's end. What follows its last line break is a line of its own.
            let held = std::mem::take(&mut self.held);
            held.chars().for_each(|c| self.unescape(c));
            self.line_start = c == '\n';
            return;
        }
        if !self.held.is_empty() {
            let held = std::mem::take(&mut self.held);
            held.chars().for_each(|c| self.unescape(c));
        }
        self.line_start = c == '\n';
        self.unescape(c);
    }

    fn unescape(&mut self, c: char) {
        match &mut self.escape {
            Escape::No => self.emit_char(c),
            Escape::Unknown(start) => {
                if c == '<' || c == '>' {
                    let start = std::mem::take(start);
                    self.escape = Escape::No;
                    self.emit(&start);
                    self.emit_char(c);
                } else if start.is_empty() {
                    if c == '&' {
                        start.push(c)
                    } else {
                        self.emit_char(c)
                    }
                } else {
                    start.push(c);
                    let name = start.get(1..).unwrap_or_default();
                    if ENTITIES.iter().any(|(entity, _)| *entity == name) {
                        self.escape = Escape::Perhaps(std::mem::take(start));
                    } else if !ENTITIES.iter().any(|(entity, _)| entity.starts_with(name)) {
                        // The character may itself begin an entity.
                        let mut start = std::mem::take(start);
                        if c == '&' {
                            start.pop();
                            self.escape = Escape::Unknown("&".to_owned());
                        }
                        self.emit(&start);
                    }
                }
            }
            Escape::Perhaps(text) => {
                text.push(c);
                if c == '<' || c == '>' {
                    let text = std::mem::take(text);
                    self.escape = Escape::No;
                    self.emit(&text);
                }
            }
        }
    }

    fn emit(&mut self, text: &str) {
        if self.text.len() + text.len() > FILE_BYTES {
            self.too_large = true;
        } else if !self.too_large {
            self.text.push_str(text);
        }
    }

    fn emit_char(&mut self, c: char) {
        self.emit(c.encode_utf8(&mut [0; 4]));
    }
}

fn is_fence_end(held: &str) -> bool {
    held.trim() == "```"
}

/// Whether what is held, of which `c` is the last character, may still be the end of a fence with
/// nothing but blanks after it. `held` before `c` was such a beginning; so only `c` is looked at.
fn may_be_fence_end(held: &str, c: char) -> bool {
    if c == '`' {
        // Three backticks at most, in one run after the indentation.
        held.len() <= FENCE_LINE && "```".starts_with(held.trim_start())
    } else {
        matches!(c, ' ' | '\t' | '\r' | '\n')
            && held
                .get(..FENCE_LINE.min(held.len()))
                .is_some_and(|start| start.contains("```"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(extension: &str, text: &str) -> String {
        let mut bodies = [Body::new(extension), Body::new(extension)];
        bodies[0].push(text);
        text.chars()
            .for_each(|c| bodies[1].push(c.encode_utf8(&mut [0; 4])));
        let [a, b] = bodies.map(|mut body| body.finish().unwrap());
        assert_eq!(a, b);
        a
    }

    #[test]
    fn the_lines_of_the_tags_are_no_part_of_the_file() {
        assert_eq!(whole("ts", "\nlet a = 1;\n"), "let a = 1;\n");
        assert_eq!(whole("ts", "  \r\nlet a = 1;\n  "), "let a = 1;\n");
        assert_eq!(whole("ts", "let a = 1;"), "let a = 1;");
        assert_eq!(whole("ts", "\n\n  a\n\n"), "\n  a\n\n");
        assert_eq!(whole("ts", ""), "");
    }

    #[test]
    fn a_fence_around_the_whole_file_is_dropped() {
        assert_eq!(
            whole("tsx", "\n```tsx\nlet a = `b`;\n```\n"),
            "let a = `b`;\n"
        );
        assert_eq!(whole("tsx", "```tsx\nlet a;\n  ```  \n\n"), "let a;\n");
        assert_eq!(
            whole("tsx", "\n```\nlet a;\n```\nmore\n"),
            "let a;\n```\nmore\n"
        );
        assert_eq!(
            whole("tsx", "\n```\nlet a;\n``\n````\n```"),
            "let a;\n``\n````\n"
        );
        assert_eq!(whole("tsx", "\n```\n\n  a\n\n```"), "\n  a\n\n");
        assert_eq!(whole("md", "\n```sh\nls\n```\n"), "```sh\nls\n```\n");
        assert_eq!(whole("ts", "\n`a`;\n"), "`a`;\n");
    }

    #[test]
    fn escaped_brackets_are_taken_back_only_when_all_are_escaped() {
        assert_eq!(
            whole("tsx", "a &amp;&amp; &lt;b&gt; &nbsp;&"),
            "a && <b> &nbsp;&"
        );
        assert_eq!(whole("tsx", "<b>&lt;</b>"), "<b>&lt;</b>");
        assert_eq!(whole("tsx", "&lt;b <i>"), "&lt;b <i>");
        assert_eq!(whole("css", "a &amp; b"), "a &amp; b");
        assert_eq!(whole("ts", "a && b &&&lt"), "a && b &&&lt");
        assert_eq!(whole("ts", "a &&lt; b"), "a &< b");
    }

    #[test]
    fn a_file_beyond_the_limit_is_refused() {
        let mut body = Body::new("ts");
        body.push(&"x".repeat(FILE_BYTES + 1));
        assert_eq!(body.finish(), None);
    }
}
