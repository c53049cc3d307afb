//! The page that shows exchanges as they happen.
