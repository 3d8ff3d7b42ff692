import Envs
import RockletCore

// The agent with the environments that come with Rock.
Rocklet.run(environments: BuiltInEnvironments.specs)
