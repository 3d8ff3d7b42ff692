import CLinux
import Envs
import RockletCore
import RockletServices

// The agent with the environments that come with Rock: process 1 of a sandbox with a root filesystem (`serve`), or what the
// jails of single environments are cloned from, or, as `jail`, what becomes the first when it has built a sandbox around
// itself. Nothing of the first may be touched on the way to the second, which has to
// be small.
if CommandLine.argc == 2, CommandLine.arguments[1] == "jail" { rock_guest_main() }
let words = CommandLine.arguments.dropFirst()
if words.first == "serve" || words.first == "--version" {
    RockletServer.run(Array(words), environments: BuiltInEnvironments.specs)
}
Rocklet.run(environments: BuiltInEnvironments.specs)
