//! All interleavings of the consensus core, up to stated bounds.
