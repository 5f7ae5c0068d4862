//! The binary: reads the command line and calls a command.

fn main() -> std::process::ExitCode {
    countersign::run()
}
