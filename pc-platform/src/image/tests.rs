use super::*;

const STORAGE: u64 = 64 << 20;

fn source(image: &[u8]) -> Source<'_> {
    Source { image, module: &[], command_line: "", storage: STORAGE }
}

/// What lies at an address after everything was placed.
fn at(loaded: &Loaded, address: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    for (start, placed) in &loaded.placed {
        for (offset, byte) in placed.iter().enumerate() {
            if let Some(at) = (start + offset as u64).checked_sub(address).filter(|at| *at < length as u64) {
                bytes[at as usize] = *byte;
            }
        }
    }
    bytes
}

fn word_at(loaded: &Loaded, address: u64) -> u32 {
    word(&at(loaded, address, 4), 0).unwrap()
}

/// A 32-bit ELF file with one segment of `code` at an address, and a note if there is one.
fn elf(address: u32, code: &[u8], note: Option<u32>) -> Vec<u8> {
    let mut headers = vec![(1_u32, 0x100_u32, address, code.len() as u32, code.len() as u32 + 0x100)];
    let note_bytes: Vec<u8> = note.map_or_else(Vec::new, |entry| {
        let words = [4_u32, 4, 18].iter().flat_map(|word| word.to_le_bytes());
        words.chain(*b"Xen\0").chain(entry.to_le_bytes()).collect()
    });
    if note.is_some() {
        headers.push((4, 0xc0, 0, note_bytes.len() as u32, note_bytes.len() as u32));
    }
    let mut bytes = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    bytes.extend([2_u16, 3].iter().flat_map(|half| half.to_le_bytes()));
    bytes.extend([1_u32, address, 0x34, 0, 0].iter().flat_map(|word| word.to_le_bytes()));
    bytes.extend([0x34_u16, 32, headers.len() as u16, 40, 0, 0].iter().flat_map(|half| half.to_le_bytes()));
    for (kind, offset, address, file, memory) in headers {
        bytes.extend([kind, offset, 0xc000_0000, address, file, memory, 7, 4].iter().flat_map(|word| word.to_le_bytes()));
    }
    bytes.resize(0xc0, 0);
    bytes.extend(&note_bytes);
    bytes.resize(0x100, 0);
    bytes.extend(code);
    bytes
}

fn multiboot_header(flags: u32) -> Vec<u8> {
    let sum = 0_u32.wrapping_sub(0x1bad_b002).wrapping_sub(flags);
    [0x1bad_b002, flags, sum].iter().flat_map(|word| word.to_le_bytes()).collect()
}

#[test]
fn a_boot_sector_is_started_at_7c00_with_the_number_of_its_disk() {
    let mut sector = vec![0x90; 1024];
    sector[510..512].copy_from_slice(&[0x55, 0xaa]);
    let loaded = load(&source(&sector)).unwrap();
    assert_eq!((loaded.kind, loaded.entry, loaded.mode, loaded.registers.edx), (Kind::BootSector, 0x7c00, Mode::Real, 0x80));
    assert_eq!(loaded.placed, [(0x7c00, sector[..512].to_vec())]);
    assert_eq!(boot_sector(&[0; 512], 0x80), Err(ImageError::NoBootSector));
}

#[test]
fn a_multiboot_elf_gets_memory_command_line_and_module() {
    let image = elf(0x10_0000, &[multiboot_header(3), vec![0xf4; 64]].concat(), None);
    let loaded = load(&Source { module: &[7; 5000], command_line: "one two", ..source(&image) }).unwrap();
    assert_eq!((loaded.kind, loaded.entry, loaded.registers.eax), (Kind::Multiboot, 0x10_0000, 0x2bad_b002));
    let information = u64::from(loaded.registers.ebx);
    assert_eq!((word_at(&loaded, information + 4), word_at(&loaded, information + 8)), (639, 63 << 10));
    let line = u64::from(word_at(&loaded, information + 16));
    assert_eq!(at(&loaded, line, 8), b"one two\0");
    assert_eq!(word_at(&loaded, information + 20), 1);
    let list = u64::from(word_at(&loaded, information + 24));
    let (start, end) = (word_at(&loaded, list), word_at(&loaded, list + 4));
    assert_eq!((end - start, start % 4096, u64::from(end) <= STORAGE), (5000, 0, true));
    assert_eq!(at(&loaded, u64::from(start), 5000), vec![7; 5000]);
    let (length, map) = (word_at(&loaded, information + 44), u64::from(word_at(&loaded, information + 48)));
    assert_eq!((length, word_at(&loaded, map), word_at(&loaded, map + 20)), (4 * 24, 20, 1));
    let (base, limit) = loaded.descriptors;
    assert_eq!((limit, word_at(&loaded, base + 0x14)), (31, 0x00cf_9b00));
}

#[test]
fn a_multiboot_header_with_addresses_needs_no_elf() {
    let mut image = vec![0; 16];
    image.extend(multiboot_header(1 << 16));
    // The header is at 200010; from 200000 on it is loaded whole; zeros up to 203000; entry 200040.
    image.extend([0x20_0010_u32, 0x20_0000, 0, 0x20_3000, 0x20_0040].iter().flat_map(|word| word.to_le_bytes()));
    image.resize(0x80, 0x90);
    let loaded = load(&source(&image)).unwrap();
    assert_eq!((loaded.entry, loaded.placed[0].0, loaded.placed[0].1.len()), (0x20_0040, 0x20_0000, 0x80));
    image[16 + 12 + 1] = 0xff;
    assert_eq!(load(&source(&image)), Err(ImageError::Damaged("the addresses in its multiboot header")));
    let mut image = multiboot_header(1 << 3);
    image.resize(64, 0);
    assert!(matches!(load(&source(&image)), Err(ImageError::Unsupported(_))));
}

#[test]
fn an_elf_with_a_pvh_note_is_entered_there_with_its_start_information() {
    let image = elf(0x20_0000, &[0x90; 64], Some(0x20_0010));
    let loaded = load(&Source { module: &[9; 100], command_line: "console=ttyS0", ..source(&image) }).unwrap();
    assert_eq!((loaded.kind, loaded.entry), (Kind::Pvh, 0x20_0010));
    let information = u64::from(loaded.registers.ebx);
    assert_eq!((word_at(&loaded, information), word_at(&loaded, information + 12)), (0x336e_c578, 1));
    let (modules, line) = (u64::from(word_at(&loaded, information + 16)), u64::from(word_at(&loaded, information + 24)));
    assert_eq!(at(&loaded, line, 14), b"console=ttyS0\0");
    let module = u64::from(word_at(&loaded, modules));
    assert_eq!((word_at(&loaded, modules + 8), at(&loaded, module, 100)), (100, vec![9; 100]));
    let (map, entries) = (u64::from(word_at(&loaded, information + 40)), word_at(&loaded, information + 48));
    let last = map + 24 * u64::from(entries - 1);
    assert_eq!((word_at(&loaded, last), word_at(&loaded, last + 8), word_at(&loaded, last + 16)), (0x10_0000, 63 << 20, 1));
    assert!(matches!(load(&source(&elf(0x20_0000, &[0x90; 64], Some(0x30_0000)))), Err(ImageError::Damaged(_))), "an entry elsewhere");
}

#[test]
fn a_bzimage_gets_its_parameters_and_is_entered_at_1_mib() {
    let mut image = vec![0; 512 * 3];
    image[0x1f1] = 1;
    image[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
    image[0x201] = 0x6c;
    image[0x202..0x206].copy_from_slice(b"HdrS");
    image[0x206..0x208].copy_from_slice(&0x020f_u16.to_le_bytes());
    image[0x211] = 1;
    image[0x22c..0x230].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
    image[0x260..0x264].copy_from_slice(&0x10_0000_u32.to_le_bytes());
    image[1024..].fill(0xcc);
    let loaded = load(&Source { module: &[1; 10], command_line: "quiet", ..source(&image) }).unwrap();
    assert_eq!((loaded.kind, loaded.entry), (Kind::Linux, 0x10_0000));
    assert_eq!(at(&loaded, 0x10_0000, 512), vec![0xcc; 512]);
    let parameters = u64::from(loaded.registers.esi);
    assert_eq!((at(&loaded, parameters + 0x202, 4), at(&loaded, parameters + 0x210, 1)), (b"HdrS".to_vec(), vec![0xff]));
    let module = u64::from(word_at(&loaded, parameters + 0x218));
    assert_eq!((word_at(&loaded, parameters + 0x21c), at(&loaded, module, 10)), (10, vec![1; 10]));
    assert_eq!(at(&loaded, u64::from(word_at(&loaded, parameters + 0x228)), 6), b"quiet\0");
    assert_eq!(at(&loaded, parameters + 0x1e8, 1), [4]);
    image[0x206] = 2;
    image[0x207] = 2;
    assert!(matches!(load(&source(&image)), Err(ImageError::Unsupported(_))));
}

#[test]
fn anything_else_is_flat_and_entered_at_1_mib() {
    let loaded = load(&source(&[0xeb, 0xfe])).unwrap();
    assert_eq!((loaded.kind, loaded.entry, loaded.mode), (Kind::Flat, 0x10_0000, Mode::Protected));
    assert_eq!(load(&source(&[])), Err(ImageError::Empty));
}

#[test]
fn what_does_not_fit_is_refused_with_its_addresses() {
    let image = elf(0x10_0000, &[0x90; 64], Some(0x10_0000));
    let small = Source { storage: 0x10_0020, ..source(&image) };
    assert!(matches!(load(&small), Err(ImageError::DoesNotFit { address: 0x10_0000, .. })), "{:?}", load(&small));
    let module = vec![0; 70 << 20];
    assert!(matches!(load(&Source { module: &module, ..source(&image) }), Err(ImageError::DoesNotFit { .. })));
    let line = "x".repeat(3000);
    assert_eq!(load(&Source { command_line: &line, ..source(&image) }), Err(ImageError::CommandLine));
}

#[test]
fn no_damage_to_an_image_is_more_than_an_error() {
    let images = [elf(0x10_0000, &[multiboot_header(3), vec![0xf4; 64]].concat(), None), elf(0x20_0000, &[0x90; 64], Some(0x20_0010))];
    for image in images {
        for length in 0..image.len() {
            let _ = load(&source(&image[..length]));
        }
        for place in 0..image.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut damaged = image.clone();
                damaged[place] = value;
                if let Ok(loaded) = load(&source(&damaged)) {
                    assert!(loaded.placed.iter().all(|(address, bytes)| address + bytes.len() as u64 <= STORAGE));
                }
            }
        }
    }
}

#[test]
fn firmware_lies_in_the_first_megabyte_and_lists_processors() {
    let placed = firmware(1, 4);
    assert!(placed.iter().all(|(address, bytes)| address + bytes.len() as u64 <= memory_map::HIGH));
    assert!(placed.iter().any(|(_, bytes)| bytes.starts_with(b"_MP_")));
}
