#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| parlor_testkit::garbage::polling_payload(data));
