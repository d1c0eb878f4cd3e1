#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| parlor_testkit::garbage::engineio_session(data));
