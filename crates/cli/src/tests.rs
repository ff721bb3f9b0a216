mod arguments;
mod environment;
mod exit_codes;
mod formats;
mod formatting;
mod keeping;
mod stand_in;
