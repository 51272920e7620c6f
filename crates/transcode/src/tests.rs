//! Promises that need the database but no ffmpeg.
