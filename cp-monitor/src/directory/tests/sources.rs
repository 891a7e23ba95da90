//! Good sources and the users they make.

use super::*;

/// Entries that run on z/VM 7.3 and VM/370 CE today, as published.
const FIELD_SAMPLES: &str = "\
USER UBUNTU UBUNTU 512M 1G G
 IPL 120
 CONSOLE 009 3215 T
 SPOOL 00C 2540 READER *
 SPOOL 00D 2540 PUNCH A
 SPOOL 00E 1403 A
 DEDICATE 120 0120

USER CMSUSER CMSUSER 15M 16M G
 IPL CMS
 CONSOLE 009 3215
 SPOOL 00E 1403 A
 SPOOL 00C 2540 READ *
 SPOOL 00D 2540 PUNCH A
 LINK MAINT 190 190 RR
 LINK MAINT 19D 19D RR
 LINK MAINT 19E 19E RR
 MDISK   191 3350 001 115 VM50U0 MR   ALL      WRITE    MULT

USER CMSBATCH CMSBATCH 8M 8M G
 IPL CMS PARM BATCH
USER $ALLOC$ NOLOG
";

#[test]
fn entries_from_the_field_compile_as_they_stand() {
    let compiled = good(FIELD_SAMPLES);
    let ubuntu = entry(&compiled, "UBUNTU");
    assert_eq!((ubuntu.storage.to_string(), ubuntu.max_storage.to_string()), ("512M".into(), "1G".into()));
    assert_eq!(ubuntu.ipl, Some(IplStatement { system: IplSystem::Device(DeviceNumber(0x120)), parm: None }));
    assert_eq!(ubuntu.console.map(|c| (c.vdev, c.kind, c.class)), Some((DeviceNumber(9), ConsoleKind::Line, 'T')));
    assert!(verify(&ubuntu.password, "UBUNTU"));

    let cmsuser = entry(&compiled, "CMSUSER");
    let kinds: Vec<_> = cmsuser.spool.iter().map(|s| (s.vdev.0, s.kind, s.class)).collect();
    assert_eq!(kinds, [(0xe, SpoolKind::Printer, 'A'), (0xc, SpoolKind::Reader, '*'), (0xd, SpoolKind::Punch, 'A')]);
    assert_eq!(cmsuser.links.len(), 3);
    let disk = cmsuser.minidisk(DeviceNumber(0x191)).unwrap();
    assert_eq!(disk.extent, Extent::Cylinders { start: 1, count: 115 });
    assert_eq!((disk.cylinders(), disk.blocks()), (Some(115), Some(115 * 120)));
    assert_eq!((disk.volid.unwrap().as_str(), disk.mode), ("VM50U0", LinkMode::Mr));
    assert_eq!(disk.read, LinkPassword::All);
    assert!(verify_link(&disk.write, "WRITE") && verify_link(&disk.multiple, "MULT"));
    assert!(!verify_link(&disk.write, "MULT"));

    assert_eq!(entry(&compiled, "CMSBATCH").ipl.unwrap().parm.as_deref(), Some("BATCH"));
    let alloc = entry(&compiled, "$ALLOC$");
    assert_eq!((alloc.password.clone(), alloc.classes.is_empty(), alloc.can_log_on()), (Password::NoLog, true, false));

    let said: Vec<_> = compiled.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(said[0], "DEDICATE is accepted and has no effect (line 7, column 2)");
    assert!(said[1].starts_with("LINK MAINT 0190: there is no such minidisk"), "{said:?}");
}

#[test]
fn every_honoured_statement_reaches_the_model() {
    let compiled = good(
        "\
User service LBYONLY
  Account 4711 DEPT7
  ac 4712
  AUTOLOG AUTOLOG1 OP1
  XAUTOLOG OP2
  CLass ABC 1
  COMMAND SET RUN  ON
  COMMAND MSG OP up
  i 200 parm  two  words
  MACHINE pc 4
  LOGONBY ALICE BOB
  STORAGE 1G
  MAXSTORAGE 4G
  OPTION LNKNOPAS MAXCONN 200 QUICKDSP,
         SVMSTAT ISOLATE CONCEAL DIAG88 IGNMAXU LNKSTABL LNKEXCLU
  SHARE ABSOLUTE 12.5% RELATIVE 300 LIMITHARD
  CONSOLE 1f 3270 c OP1 OBSERVER
  SPOOL 00C 3505 X
  M 200 FB-512 0016 80000 FBA001 MWVS
  MDISK 201 3380 T-DISK 20 W
  MDISK 202 FB-512 V-DISK 4096
  MDISK 203 9336 DEVNO 0A00 MW
",
    );
    let user = entry(&compiled, "SERVICE");
    assert_eq!(user.password, Password::LogonByOnly);
    assert_eq!(user.accounts[0], Account { number: "4711".into(), distribution: Some("DEPT7".into()) });
    assert_eq!(user.accounts.len(), 2);
    assert_eq!(user.autolog_by, ["AUTOLOG1", "OP1", "OP2"].map(userid));
    assert_eq!(user.classes.to_string(), "ABC1");
    assert_eq!(user.commands, ["SET RUN  ON", "MSG OP up"]);
    assert_eq!(user.ipl, Some(IplStatement { system: IplSystem::Device(DeviceNumber(0x200)), parm: Some("two  words".into()) }));
    assert_eq!((user.machine, user.processors), (MachineKind::Pc, 4));
    assert_eq!(user.logon_by, ["ALICE", "BOB"].map(userid));
    assert_eq!((user.storage.to_string(), user.max_storage.to_string()), ("1G".into(), "4G".into()));
    let all = OptionSet {
        lnknopas: true,
        lnkstabl: true,
        lnkexclu: true,
        quickdsp: true,
        svmstat: true,
        isolate: true,
        conceal: true,
        ignmaxu: true,
        diag88: true,
        maxconn: Some(200),
    };
    assert_eq!(user.options, all);
    let share = Share { normal: ShareAmount::Absolute { tenths: 125 }, maximum: ShareAmount::Relative(300), limit: ShareLimit::LimitHard };
    assert_eq!(user.share, share);
    let console = user.console.clone().unwrap();
    assert_eq!((console.vdev, console.kind, console.class), (DeviceNumber(0x1f), ConsoleKind::Display, 'C'));
    assert_eq!((console.secondary, console.observer), (None, Some(userid("OP1"))));
    assert_eq!((user.spool[0].model.as_str(), user.spool[0].kind, user.spool[0].class), ("3505", SpoolKind::Reader, 'X'));

    let disk = |vdev| user.minidisk(DeviceNumber(vdev)).unwrap();
    assert_eq!(disk(0x200).extent, Extent::Blocks { start: 16, count: 80_000 });
    assert_eq!((disk(0x200).mode, disk(0x200).stable_allowed, disk(0x200).exclusive_allowed), (LinkMode::Mw, true, false));
    assert_eq!((disk(0x200).cylinders(), disk(0x200).blocks()), (None, Some(10_000)));
    assert_eq!((disk(0x201).cylinders(), disk(0x201).blocks()), (Some(20), Some(3000)));
    assert!(disk(0x201).is_temporary() && disk(0x202).is_temporary());
    assert_eq!((disk(0x202).blocks(), disk(0x202).mode), (Some(512), LinkMode::W));
    assert_eq!((disk(0x203).extent, disk(0x203).blocks()), (Extent::Device { rdev: DeviceNumber(0xa00) }, None));
}

#[test]
fn defaults_are_those_of_the_manual() {
    let user = entry(&good("USER A NOPASS\nLINK B 191\nSPOOL C 2540 R\nSPOOL D 2540 PU\n"), "A");
    assert_eq!(
        (user.storage.to_string(), user.max_storage.to_string(), user.classes.to_string()),
        ("32M".into(), "32M".into(), "G".into())
    );
    assert_eq!((user.machine, user.processors, user.share), (MachineKind::Cms, 1, Share::default()));
    assert_eq!((user.links[0].as_vdev, user.links[0].mode), (DeviceNumber(0x191), LinkMode::R));
    assert_eq!((user.spool[0].class, user.spool[1].class), ('*', 'A'));
    for kind in ["ESA", "XA", "XC", "Z", "370", "cms"] {
        let compiled = good(&format!("USER A NOLOG\nMACHINE {kind}\n"));
        assert_eq!((entry(&compiled, "A").machine, compiled.warnings.len()), (MachineKind::Cms, 0), "{kind}");
    }
}

#[test]
fn an_entry_lies_over_its_profile() {
    let compiled = good(
        "\
PROFILE P
  IPL CMS
  SHARE RELATIVE 200
  OPTION QUICKDSP
  STORAGE 8M
  CONSOLE 009 3215
  SPOOL 00C 2540 READER *
  LINK MAINT 190 190 RR
USER MAINT NOLOG
  INCLUDE P
  IPL 190
  OPTION LNKNOPAS
  CONSOLE 01F 3270
  MDISK 190 3390 1 10 SYS001 MR
  MDISK 009 3390 11 1 SYS001 MR
USER PLAIN NOLOG 16M
  INCLUDE P
",
    );
    let maint = entry(&compiled, "MAINT");
    assert_eq!(maint.ipl.unwrap().system, IplSystem::Device(DeviceNumber(0x190)));
    assert!(maint.options.quickdsp && maint.options.lnknopas);
    assert_eq!(maint.storage.to_string(), "8M");
    // One console; the number of the one replaced is free, and the disk takes the place of the link.
    assert_eq!(maint.console.unwrap().vdev, DeviceNumber(0x1f));
    assert_eq!((maint.minidisks.len(), maint.links.len(), maint.spool.len()), (2, 0, 1));
    let plain = entry(&compiled, "PLAIN");
    assert_eq!((plain.storage.to_string(), plain.profile), ("16M".into(), Some(userid("P"))));
    assert_eq!((plain.links.len(), plain.share.normal), (1, ShareAmount::Relative(200)));
}
