//! What is said about sources: errors, overlaps, warnings.

use super::*;

#[test]
fn errors_name_line_column_and_number() {
    for (source, expected) in [
        (
            "USER UBUNTU NOLOG\n CONSOLE 009 3215\n IPL 120\n",
            "HCPDIR752E STATEMENT SEQUENCE ERROR FOLLOWING USER UBUNTU (line 3, column 2)",
        ),
        ("IPL CMS\n", "HCPDIR752E STATEMENT SEQUENCE ERROR FOLLOWING START OF DIRECTORY (line 1, column 1)"),
        ("USER A NOLOG\nPROFILE P\n", "HCPDIR752E STATEMENT SEQUENCE ERROR FOLLOWING USER A (line 2, column 1)"),
        ("USER A NOLOG\nGLOBALDEFS\n", "HCPDIR752E STATEMENT SEQUENCE ERROR FOLLOWING USER A (line 2, column 1)"),
        ("USER A NOLOG 2G 1G\n", "HCPDIR1776E DEFAULT STORAGE SIZE EXCEEDS MAXIMUM STORAGE SIZE FOR USER A (line 1, column 1)"),
        ("USER A NOLOG\n  FROB x\n", "Unknown statement: FROB (line 2, column 3)"),
        ("USER A\n", "USER: operand missing: password, NOLOG, NOPASS, AUTOONLY or LBYONLY (line 1, column 7)"),
        ("USER TOOLONGID NOLOG\n", "USER: Userid missing or invalid (1 to 8 letters, digits or $ # @ _ - +) (line 1, column 6)"),
        ("USER LOGN0009 NOLOG\n", "USER: Userid is reserved (SYSTEM, SYSTEMMP, LOGNxxxx, LOGLxxxx, LOGVxxxx) (line 1, column 6)"),
        ("USER A NOLOG\nUSER a NOLOG\n", "USER A is already defined at line 1 (line 2, column 1)"),
        ("USER A NOLOG\nIPL CMS\nIPL 190\n", "IPL is already given at line 2 (line 3, column 1)"),
        ("USER A NOLOG\nSPOOL C 1403\nLINK B 191 00C\n", "Device 000C is already defined at line 2 (line 3, column 6)"),
        ("USER A NOLOG\nSPECIAL C TIMER\nSPOOL C 1403\n", "Device 000C is already defined at line 2 (line 3, column 7)"),
        ("USER A NOLOG\nIPL CMS\nINCLUDE P\n", "INCLUDE must be the first statement after USER (line 3, column 1)"),
        ("USER A NOLOG\nINCLUDE P\n", "Profile P is not defined (line 2, column 9)"),
        (
            "PROFILE P\nMDISK 191 3390 1 1 V MR\nUSER A NOLOG\n",
            "MDISK with a fixed extent is not allowed in a PROFILE (T-DISK and V-DISK are) (line 2, column 1)",
        ),
        ("USER A NOLOG\nMDISK 191 3390 65000 600 V MR\n", "Extent 65000 600 does not fit a 3390 (0 to 65519) (line 2, column 16)"),
        ("USER A NOLOG\nMDISK 191 3390 5 0 V MR\n", "Extent 5 0 does not fit a 3390 (0 to 65519) (line 2, column 16)"),
        (
            "USER A NOLOG\nMDISK 191 3391 5 1 V MR\n",
            "MDISK: Disk type is not known (3390, 3380, 3350, 3330, 3340, 2314, FB-512, 9336, ...) (line 2, column 11)",
        ),
        ("USER A NOLOG\nMDISK 191 3390 5 1\n", "MDISK: operand missing: volume label (line 2, column 19)"),
        ("USER A NOLOG\nMDISK 191 3390 5 1 V MR R W M X\n", "MDISK: unexpected operand behind the last one (line 2, column 31)"),
        ("USER A NOLOG\nLINK B 191 191 RX\n", "LINK: Link mode invalid (R RR W WR M MR MW SR SW SM ER EW) (line 2, column 16)"),
        ("USER A NOLOG\nSHARE RELATIVE 10001\n", "SHARE: invalid operand 10001: expected a share of 1 to 10000 (line 2, column 16)"),
        ("USER A NOLOG\nSHARE 100\n", "SHARE: invalid operand 100: expected RELATIVE n or ABSOLUTE n% (line 2, column 7)"),
        ("USER A NOLOG\nOPTION QUICKDSP FROB\n", "OPTION: invalid operand FROB: expected an OPTION keyword (line 2, column 17)"),
        ("USER A NOLOG\nMACHINE VAX\n", "MACHINE: invalid operand VAX: expected CMS, PC, ESA, XA, XC, Z or 370 (line 2, column 9)"),
        ("USER A NOLOG\nCLASS G9\n", "CLASS: Privilege class invalid (letters A to Z, digits 1 to 6) (line 2, column 7)"),
        ("IDENTITY A NOLOG\n", "IDENTITY is not supported: this is one system, not a cluster; write a USER entry (line 1, column 1)"),
        ("* nothing\n", "Directory has no USER entry (line 1, column 1)"),
        ("USER A $argon2id$v=19$nonsense\n", "Password token is not a usable argon2id hash (line 1, column 8)"),
    ] {
        assert_eq!(errors(source), [expected], "{source}");
    }
}

#[test]
fn all_errors_are_found_in_one_pass_in_source_order() {
    let source = "\
USER A NOLOG
  MDISK 191 3390 10 20 VOL001 MR
  IPL CMS
  FROB
USER B NOLOG 1X
  SPOOL C 2540
  MDISK 191 3390 29 10 VOL001 MR
USER A NOLOG
";
    assert_eq!(
        errors(source),
        [
            "HCPDIR752E STATEMENT SEQUENCE ERROR FOLLOWING USER A (line 3, column 3)",
            "Unknown statement: FROB (line 4, column 3)",
            "USER: Storage size missing or invalid (64K to 1T, written as 16M or 2G) (line 5, column 14)",
            "SPOOL: operand missing: READER or PUNCH (line 6, column 15)",
            "USER A is already defined at line 1 (line 8, column 1)",
        ]
    );
    let json = serde_json::to_value(&compile(source, &light()).unwrap_err()[0]).unwrap();
    assert_eq!((json["line"].as_u64(), json["column"].as_u64(), json["number"].as_u64()), (Some(3), Some(3), Some(752)));
}

#[test]
fn the_list_of_errors_is_bounded() {
    let listed = errors(&"FROB\n".repeat(10_000));
    assert_eq!(listed.len(), diagnostic::LISTED_MAX + 1);
    assert!(listed.last().unwrap().starts_with("Further errors are not listed"));
}

#[test]
fn overlapping_extents_name_both_owners_and_ranges() {
    let source = "\
USER A NOLOG
 MDISK 191 3390 0010 0020 VOL001 MR
 MDISK 192 3390 0030 0005 VOL001 MR
 MDISK 193 3390 0010 0020 VOL002 MR
USER B NOLOG
 MDISK 291 3390 0029 0002 VOL001 MR
";
    assert_eq!(
        errors(source),
        [
            "Extents overlap on volume VOL001: B 0291 29-30 and A 0191 10-29 (line 2) (line 6, column 1)",
            "Extents overlap on volume VOL001: B 0291 29-30 and A 0192 30-34 (line 3) (line 6, column 1)",
        ]
    );
    // A large extent hides a small one: the next one is still measured against the large one.
    let hidden = "USER A NOLOG\nMDISK 1 3390 1 100 V MR\nMDISK 2 3390 5 1 V MR\nMDISK 3 3390 50 1 V MR\n";
    assert_eq!(errors(hidden).len(), 2);
    let mixed = "USER A NOLOG\nMDISK 1 3390 1 1 V MR\nMDISK 2 3380 5 1 V MR\n";
    assert_eq!(errors(mixed), ["Volume V is a 3390 at line 2, not a 3380 (line 3, column 1)"]);
}

#[test]
fn disks_that_cover_a_whole_volume_may_lie_over_the_others() {
    let source = "\
USER A NOLOG
 MDISK 123 3390 0 END SYS001 MW
 MDISK 124 3350 0 555 VM50U0 MW
 MDISK 191 3390 1 100 SYS001 MR
 MDISK 192 3350 1 115 VM50U0 MR
 MDISK 193 3390 DEVNO 0A00 R
";
    let compiled = good(source);
    assert_eq!(entry(&compiled, "A").minidisk(DeviceNumber(0x123)).unwrap().cylinders(), Some(3339));
    let said: Vec<_> = compiled.warnings.iter().map(|warning| (warning.at.line, warning.remark.clone())).collect();
    assert_eq!(
        said,
        [
            (2, Remark::FullPack { vdev: DeviceNumber(0x123) }),
            (3, Remark::FullPack { vdev: DeviceNumber(0x124) }),
            (6, Remark::RealDevice { vdev: DeviceNumber(0x193) }),
        ]
    );
}

#[test]
fn what_has_no_effect_is_said_with_its_place() {
    let source = "\
GLOBALDEFS
USER 1234 NOPASS 16M 16M G 64 ON ON ON ON extra
  IUCV ANY
  OPTION ACCT CPUID 012345
  SPECIAL 0FF TIMER
  NICDEF 0600 TYPE QDIO LAN SYSTEM VSW1
";
    assert_eq!(
        warnings(source),
        [
            "GLOBALDEFS is accepted and has no effect (line 1, column 1)",
            "USER: priority and line-editing characters is accepted and has no effect (line 2, column 1)",
            "Userid 1234 can be taken for a spool file number in commands (line 2, column 1)",
            "USER 1234 NOPASS: anybody can log on without a password (line 2, column 1)",
            "IUCV is accepted and has no effect (line 3, column 3)",
            "OPTION ACCT is accepted and has no effect (line 4, column 10)",
            "OPTION CPUID is accepted and has no effect (line 4, column 15)",
            "SPECIAL is accepted and has no effect (line 5, column 3)",
            "NICDEF is accepted and has no effect (line 6, column 3)",
        ]
    );
}

#[test]
fn spoolfile_says_how_many_spool_files_a_user_may_have() {
    let of =
        |statement: &str| entry(&good(&format!("PROFILE P\n SPOOLFILE MAXSPOOL 9\nUSER A NOLOG\n INCLUDE P\n{statement}")), "A").max_spool;
    assert_eq!((of(""), of(" spoolf maxs 500\n"), of(" SPOOLFILE MAXSPOOL 9999\n")), (Some(9), Some(500), Some(9999)));
    assert_eq!(entry(&good("USER A NOLOG\n"), "A").max_spool, None);
    for bad in ["", "500", "MAXSPOOL", "MAXSPOOL 0", "MAXSPOOL 10000", "MAXSPOOL -1", "MAXSPOOL 5 6"] {
        let shown = errors(&format!("USER A NOLOG\n SPOOLFILE {bad}\n"));
        assert!(shown.len() == 1 && shown[0].contains("SPOOLFILE"), "{bad}: {shown:?}");
    }
    assert_eq!(errors("USER A NOLOG\n SPOOLFILE MAXSPOOL 5\n SPOOLFILE MAXSPOOL 6\n").len(), 1);
}
