//! The multiprocessor tables (Intel MultiProcessor Specification 1.4) by which systems find processors and the I/O APIC without ACPI.

use crate::apic::spec::{IO, LOCAL};

/// Where the floating pointer is; the table follows it.
pub const ADDRESS: u32 = 0xf_6000;

const BUS_PCI: u8 = 0;
const BUS_ISA: u8 = 1;
const IO_APIC: u8 = 0;

/// The bytes for [`ADDRESS`]: floating pointer and configuration table, with every processor in it.
pub fn tables(processors: u8) -> Vec<u8> {
    let mut entries: Vec<Vec<u8>> = (0..processors).map(processor).collect();
    entries.push([&[1, BUS_PCI][..], b"PCI   "].concat());
    entries.push([&[1, BUS_ISA][..], b"ISA   "].concat());
    entries.push([&[2, IO_APIC, 0x11, 1][..], &(IO as u32).to_le_bytes()].concat());
    // The timer is wired to pin 2, where the cascade would be.
    let inputs = (0..16).filter(|&irq| irq != 2);
    entries.extend(inputs.map(|irq| vec![3, 0, 0, 0, BUS_ISA, irq, IO_APIC, if irq == 0 { 2 } else { irq }]));
    entries.push(vec![4, 3, 0, 0, BUS_ISA, 0, 0, 0]);
    entries.push(vec![4, 1, 0, 0, BUS_ISA, 0, 0xff, 1]);
    let table = table(&entries);
    let mut bytes = pointer();
    bytes.extend(table);
    bytes
}

fn pointer() -> Vec<u8> {
    let mut bytes = [&b"_MP_"[..], &(ADDRESS + 16).to_le_bytes(), &[1, 4, 0, 0, 0, 0, 0, 0]].concat();
    bytes[10] = checksum(&bytes);
    bytes
}

fn processor(id: u8) -> Vec<u8> {
    let flags = if id == 0 { 3 } else { 1 };
    let mut entry = vec![0, id, 0x14, flags];
    // Family 6; an FPU and a local APIC.
    entry.extend(0x600_u32.to_le_bytes());
    entry.extend(0x201_u32.to_le_bytes());
    entry.extend([0; 8]);
    entry
}

fn table(entries: &[Vec<u8>]) -> Vec<u8> {
    let body = entries.concat();
    let length = 44 + body.len() as u16;
    let mut bytes = [&b"PCMP"[..], &length.to_le_bytes(), &[4, 0], b"CP-64   ", b"PC          ", &[0; 6]].concat();
    bytes.extend((entries.len() as u16).to_le_bytes());
    bytes.extend((LOCAL as u32).to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(body);
    bytes[7] = checksum(&bytes);
    bytes
}

/// What makes the bytes add up to 0.
fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0_u8, |sum, &byte| sum.wrapping_sub(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointer_and_table_add_up_to_zero_and_list_every_processor() {
        let bytes = tables(4);
        let sum = |bytes: &[u8]| bytes.iter().fold(0_u8, |sum, &byte| sum.wrapping_add(byte));
        let (pointer, table) = bytes.split_at(16);
        assert_eq!((sum(pointer), sum(table)), (0, 0));
        assert_eq!((&pointer[..4], &table[..4]), (&b"_MP_"[..], &b"PCMP"[..]));
        assert_eq!(u16::from_le_bytes([table[4], table[5]]) as usize, table.len());
        let processors: Vec<(u8, u8)> = (0..4).map(|at| (table[44 + 20 * at + 1], table[44 + 20 * at + 3])).collect();
        assert_eq!(processors, [(0, 3), (1, 1), (2, 1), (3, 1)]);
        let entries = usize::from(u16::from_le_bytes([table[34], table[35]]));
        assert_eq!(table.len(), 44 + 4 * 20 + (entries - 4) * 8);
        assert!(tables(64).len() < 0x1000);
    }
}
