import Envs
import RockletCore
import RockletServices

// The agent with the environments that come with Rock: process 1 of a sandbox with a root filesystem (`serve`), or what the
// jails of single environments are cloned from. Nothing of the first may be touched on the way to the second, which has to
// be small.
let words = CommandLine.arguments.dropFirst()
if words.first == "serve" || words.first == "--version" {
    RockletServer.run(Array(words), environments: BuiltInEnvironments.specs)
}
Rocklet.run(environments: BuiltInEnvironments.specs)
