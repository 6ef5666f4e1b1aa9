//! Durable state: sealed records, blobs, journals and backup.
