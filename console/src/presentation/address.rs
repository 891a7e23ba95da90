//! Buffer addresses as a 3270 data stream carries them: two bytes, 12 or 14 bits (GA23-0059, "Addressing").

/// The graphic characters that carry six bits each.
const SIX_BITS: [u8; 64] = [
    0x40, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f, 0x50, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5,
    0xd6, 0xd7, 0xd8, 0xd9, 0x5a, 0x5b, 0x5c, 0x5d, 0x5e, 0x5f, 0x60, 0x61, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0x6a, 0x6b,
    0x6c, 0x6d, 0x6e, 0x6f, 0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0x7a, 0x7b, 0x7c, 0x7d, 0x7e, 0x7f,
];

/// Six bits as a graphic character; also how attribute bytes and WCCs are sent.
pub fn graphic(six_bits: u8) -> u8 {
    SIX_BITS[usize::from(six_bits & 0x3f)]
}

/// Two bytes for an address on a screen of so many positions: 12 bits as far as they reach, else 14.
pub fn encode(address: usize, positions: usize) -> [u8; 2] {
    if positions <= 4096 { [graphic((address >> 6) as u8), graphic(address as u8)] } else { [(address >> 8) as u8 & 0x3f, address as u8] }
}

/// The address in two bytes. The first two bits say which form it has: 00 is 14-bit.
pub fn decode(bytes: [u8; 2]) -> usize {
    let [high, low] = bytes.map(usize::from);
    if high & 0xc0 == 0 { high << 8 | low } else { (high & 0x3f) << 6 | (low & 0x3f) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_back() {
        for address in 0..4096 {
            assert_eq!(decode(encode(address, 1920)), address);
        }
        for address in 0..16384 {
            assert_eq!(decode(encode(address, 9920)), address);
        }
    }

    #[test]
    fn the_table_of_the_manual() {
        assert_eq!(encode(80, 1920), [0xc1, 0x50]);
        assert_eq!(encode(1919, 1920), [0x5d, 0x7f]);
        assert_eq!(encode(0, 1920), [0x40, 0x40]);
    }
}
