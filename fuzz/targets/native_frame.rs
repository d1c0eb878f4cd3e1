#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| parlor_testkit::garbage::native_frame(data));
