// What environments were played, kept so that it can be looked at and checked.
//
//   Record/      an episode, its steps, and the running hash over them
//   Recording/   from the calls of live environments to episodes, off the callers' way
//   Store/       the file that holds them: SQLite
//   Lines/       an episode as a line of JSON, and back with everything checked
//
// An observation is not kept, its digest is: whoever has the action texts and where the random stream began can play the
// episode again, and the digests say whether it was the same.
