//! The checksum of a saved session, for tests that change its bytes.

/// Puts the right checksum at the end of a saved session: the CRC-32 of IEEE 802.3.
pub(crate) fn sum(saved: &mut [u8]) {
    let len = saved.len() - 4;
    let mut sum = u32::MAX;
    for &byte in &saved[..len] {
        sum ^= u32::from(byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (0xEDB8_8320 & (sum & 1).wrapping_neg());
        }
    }
    saved[len..].copy_from_slice(&(!sum).to_le_bytes());
}
