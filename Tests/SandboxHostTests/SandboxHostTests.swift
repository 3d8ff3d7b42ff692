// What a sandbox host promises, tried against real jails.
//
//   CallTests           order, limits, moving between loops, bytes in pieces
//   EndTests            crashes, kills, timeouts, and what callers are told
//   WallTests           the walls seen from outside and tried from inside
//   LeakTests           nothing is left: after closing, after a crash, after a killed predecessor
//   IsolationTests      the report, and refusing to run with less
//   OrdinaryUserTests   the same without root
//   CgroupMountsTests   reading what /proc says about cgroups
