// Root filesystems for sandboxes.
//
//   ImageStore.swift   what images there are, and the layers they share
