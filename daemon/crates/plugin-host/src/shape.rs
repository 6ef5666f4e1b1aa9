//! How much work a component is for the compiler, told from its outline before it is compiled: a
//! compilation cannot be interrupted, so what would take minutes is not begun.
//!
//! | counted, over all nested modules and components | limit |
//! | --- | --- |
//! | functions with code | [`limits::FUNCTIONS`] |
//! | bytes of one function | [`limits::FUNCTION_BYTES`] |
//! | modules and components | [`limits::MODULES`] |
//! | components within components | [`limits::NESTING`] |
//!
//! Only the frames of sections are read here (component binary format, preamble and sections; core
//! specification, section 5.5). What does not have that form is left to the validator, which says
//! what is wrong with it.

use crate::limits;

/// Sections of a component that hold others, and the code section of a module.
const MODULE: u8 = 1;
const COMPONENT: u8 = 4;
const CODE: u8 = 10;

/// Refuses a component that is too much work, with a sentence that says why.
pub(crate) fn check(wasm: &[u8]) -> Result<(), String> {
    let mut count = Count::default();
    count.component(wasm, 0)
}

#[derive(Default)]
struct Count {
    functions: usize,
    modules: usize,
}

impl Count {
    fn component(&mut self, wasm: &[u8], depth: usize) -> Result<(), String> {
        if depth > limits::NESTING {
            return Err(format!(
                "components are nested deeper than {}",
                limits::NESTING
            ));
        }
        for (id, content) in Sections::of(wasm) {
            if matches!(id, MODULE | COMPONENT) {
                self.modules += 1;
                if self.modules > limits::MODULES {
                    return Err(format!(
                        "it has more than {} modules and components",
                        limits::MODULES
                    ));
                }
            }
            match id {
                MODULE => self.module(content)?,
                COMPONENT => self.component(content, depth + 1)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn module(&mut self, wasm: &[u8]) -> Result<(), String> {
        for (_, content) in Sections::of(wasm).filter(|(id, _)| *id == CODE) {
            let mut rest = content;
            let functions = number(&mut rest).unwrap_or(0);
            self.functions = self.functions.saturating_add(functions);
            if self.functions > limits::FUNCTIONS {
                return Err(format!("it has more than {} functions", limits::FUNCTIONS));
            }
            while let Some(size) = number(&mut rest) {
                if size > limits::FUNCTION_BYTES {
                    return Err(format!(
                        "one of its functions has {size} bytes, and {} are the most",
                        limits::FUNCTION_BYTES
                    ));
                }
                rest = rest.get(size..).unwrap_or_default();
            }
        }
        Ok(())
    }
}

/// The sections of a module or component, behind its preamble of 8 bytes.
struct Sections<'a>(&'a [u8]);

impl<'a> Sections<'a> {
    fn of(wasm: &'a [u8]) -> Self {
        Self(wasm.get(8..).unwrap_or_default())
    }
}

impl<'a> Iterator for Sections<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (id, mut rest) = self.0.split_first()?;
        let size = number(&mut rest)?;
        let (content, behind) = rest.split_at_checked(size)?;
        self.0 = behind;
        Some((*id, content))
    }
}

/// Takes an unsigned LEB128 number of at most 32 bits.
fn number(bytes: &mut &[u8]) -> Option<usize> {
    let mut value = 0_u64;
    for place in 0..5 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return usize::try_from(value).ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(text: &str) -> Vec<u8> {
        wat::parse_str(format!("(component {text})")).unwrap()
    }

    fn refused(text: &str) -> String {
        check(&component(text)).unwrap_err()
    }

    #[test]
    fn functions_are_counted_over_all_modules() {
        let module = |count: usize| format!("(core module {})", "(func)".repeat(count));
        let half = module(limits::FUNCTIONS / 2);
        assert_eq!(check(&component(&half.repeat(2))), Ok(()));
        let nested = format!("{half} (component {half} {})", module(1));
        assert!(refused(&nested).contains("functions"));
    }

    #[test]
    fn one_function_and_the_nesting_are_bounded() {
        let long = format!(
            "(core module (func {}))",
            "nop ".repeat(limits::FUNCTION_BYTES)
        );
        assert!(refused(&long).contains("bytes"));
        let deep = format!("{}{}", "(component ".repeat(20), ")".repeat(20));
        assert!(refused(&deep).contains("nested"));
        let many = "(core module)".repeat(limits::MODULES + 1);
        assert!(refused(&many).contains("modules"));
    }

    #[test]
    fn what_is_cut_off_is_left_to_the_validator() {
        let whole = component("(core module (func) (func nop))");
        for end in 0..whole.len() {
            assert_eq!(check(whole.get(..end).unwrap()), Ok(()), "{end}");
        }
    }
}
