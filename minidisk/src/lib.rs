//! minidisk
