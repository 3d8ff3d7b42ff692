// swift-tools-version: 6.2
import PackageDescription

/// What every Swift target is compiled with: no warning survives, and the four upcoming features that make
/// imports, existentials and isolation say what they mean.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let package = Package(
    name: "rock",
    products: [
        .library(name: "GEM", targets: ["GEM"]),
        .library(name: "RemoteEnvironments", targets: ["RemoteEnvironments"]),
        .executable(name: "rockctl", targets: ["rockctl"]),
        .executable(name: "rocklet", targets: ["rocklet"]),
    ],
    targets: [
        // The kernel calls that Swift's Glibc module does not show.
        .target(name: "CLinux"),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),

        // Libraries, bottom up. An arrow never points up: see Docs/Architecture.md.
        .target(name: "Transport", dependencies: ["CLinux"], swiftSettings: strict),
        // Names of hosts, for whoever is not linked statically.
        .target(name: "HostNames", dependencies: ["Transport"], swiftSettings: strict),
        .target(name: "GEM", swiftSettings: strict),
        .target(
            name: "WordLists",
            exclude: ["README.md", "en-basic.txt", "en-basic-starts.txt", "en.txt", "en-starts.txt", "crossword.txt"]),
        .target(name: "Envs", dependencies: ["GEM", "WordLists"], swiftSettings: strict),
        // For programs in Swift: a server's environments behind the protocol of local ones.
        .target(name: "RemoteEnvironments", dependencies: ["GEM", "HostNames", "Transport"], swiftSettings: strict),
        // The tar format in memory: for images, and for archives inside sandboxes.
        .target(name: "Tar", dependencies: ["GEM"], swiftSettings: strict),
        // Root filesystems: tar and OCI layouts in, shared layers, registries.
        .target(
            name: "Images", dependencies: ["CImages", "CSHA256", "GEM", "Tar", "Transport", "CLinux"],
            swiftSettings: strict),
        .target(name: "CImages"),
        // Optimised in debug builds too, which would else hash a hundred times slower.
        .target(name: "CSHA256", cSettings: [.unsafeFlags(["-O2"])]),
        .target(name: "SandboxHost", dependencies: ["GEM", "Images", "Transport", "CLinux"], swiftSettings: strict),
        // YAML read key by key, with errors that name file, line and the nearest key there is.
        .target(name: "ConfigurationFiles", dependencies: ["GEM", "CYAML"], swiftSettings: strict),
        // What stands between an agent and a language model.
        .target(
            name: "ModelService", dependencies: ["ConfigurationFiles", "GEM", "HostNames", "Transport", "CLinux"],
            swiftSettings: strict),
        .target(name: "Registry", dependencies: ["GEM", "CSHA256", "CSQLite"], swiftSettings: strict),
        // What environments were played: recorded, kept, read back and checked.
        .target(name: "Episodes", dependencies: ["GEM", "CSHA256", "Registry"], swiftSettings: strict),
        // Hosts and their Admin: one connection each that carries everything between them.
        .target(
            name: "Fleet", dependencies: ["GEM", "SandboxHost", "Transport", "CLinux"], swiftSettings: strict),
        // Work that keeps a machine with sandboxes healthy.
        .target(name: "Upkeep", dependencies: ["CLinux", "GEM", "SandboxHost", "Transport"], swiftSettings: strict),
        .target(
            name: "Admin",
            dependencies: [
                "ConfigurationFiles", "GEM", "Envs", "Episodes", "Fleet", "Images", "ModelService", "Registry",
                "SandboxHost", "Transport", "Upkeep",
            ],
            swiftSettings: strict),

        // The agent inside a sandbox: one fully static file without Foundation, so it runs in any root filesystem.
        .target(name: "RockletCore", dependencies: ["CLinux", "GEM"], swiftSettings: strict),
        // What happens inside a sandbox with a root filesystem: sessions, programs, files, ports.
        .target(name: "RockletServices", dependencies: ["CLinux", "GEM", "Tar", "Transport"], swiftSettings: strict),
        .executableTarget(
            name: "rocklet",
            dependencies: ["RockletCore", "RockletServices", "Envs"],
            swiftSettings: strict,
            linkerSettings: [.unsafeFlags(["-static-executable"])]
        ),
        .executableTarget(
            name: "rockctl",
            dependencies: [
                "Admin", "CLinux", "Envs", "Episodes", "Fleet", "GEM", "HostNames", "Images", "ModelService",
                "Registry",
                "RockletServices",
                "SandboxHost",
                "Transport",
            ],
            swiftSettings: strict,
            linkerSettings: [.unsafeFlags(["-static-stdlib"])]
        ),

        .testTarget(
            name: "TransportTests", dependencies: ["Transport", "CLinux"],
            exclude: ["Conformance/websocket_cases.py", "Conformance/websocket_echo.py"], swiftSettings: strict),
        .testTarget(
            name: "GEMTests", dependencies: ["GEM"], resources: [.copy("Fixtures")], swiftSettings: strict),
        .testTarget(
            name: "EnvsTests", dependencies: ["Envs"], resources: [.copy("Fixtures")], swiftSettings: strict),
        // A rocklet that misbehaves on request, so that tests can try the walls from inside.
        .target(name: "HostileCalls", path: "Tests/HostileCalls"),
        .executableTarget(
            name: "rocklet-hostile",
            dependencies: ["RockletCore", "GEM", "HostileCalls"],
            path: "Tests/RockletHostile",
            swiftSettings: strict,
            linkerSettings: [.unsafeFlags(["-static-executable"])]
        ),
        .testTarget(
            name: "RockletServicesTests", dependencies: ["RockletServices", "CLinux", "GEM", "Tar", "Transport"],
            swiftSettings: strict),
        .testTarget(
            name: "ImagesTests", dependencies: ["Images", "GEM", "Tar", "Transport"], swiftSettings: strict),
        .testTarget(
            name: "SandboxHostTests",
            dependencies: ["SandboxHost", "CLinux", "HostileCalls", "Images", "RockletServices", "GEM", "Transport"],
            swiftSettings: strict),
        // Drives the built binary, which a test build makes too; linking it in would bring a second runtime.
        .testTarget(name: "rockctlTests", resources: [.copy("Fixtures")], swiftSettings: strict),
        .testTarget(name: "FleetTests", dependencies: ["Fleet", "CLinux", "GEM", "Transport"], swiftSettings: strict),
        .testTarget(
            name: "ModelServiceTests", dependencies: ["ModelService", "CLinux", "GEM", "Transport"],
            swiftSettings: strict),
        .testTarget(
            name: "RegistryTests", dependencies: ["Registry"], swiftSettings: strict),
        .testTarget(name: "EpisodesTests", dependencies: ["Episodes", "Envs", "GEM"], swiftSettings: strict),
        // Writes until it is killed; the registry's crash tests start it, and a test build makes it.
        .executableTarget(
            name: "RegistryWriter", dependencies: ["Registry"], path: "Tests/RegistryWriter", swiftSettings: strict),
        .testTarget(
            name: "RemoteEnvironmentsTests",
            dependencies: ["RemoteEnvironments", "Envs", "GEM", "Admin", "SandboxHost"],
            swiftSettings: strict),
        .testTarget(
            name: "AdminTests", dependencies: ["Admin", "ConfigurationFiles", "Upkeep"], swiftSettings: strict),
        .testTarget(
            name: "UpkeepTests", dependencies: ["Upkeep", "GEM", "Images", "SandboxHost", "Transport"],
            swiftSettings: strict),
        .testTarget(
            name: "EndToEndTests", dependencies: ["Transport", "CLinux", "GEM"],
            exclude: ["Clients"], swiftSettings: strict),
        // Clients in other languages: runs their own tests against the built programs.
        .testTarget(name: "ClientTests", dependencies: ["Transport"], swiftSettings: strict),
    ]
)
