// Root filesystems for sandboxes.
//
//   Store/      ImageStore: what images there are, the layers they share, who uses them, what can go
//   Reference/  names such as `python:3.11`
//   Layers/     tars made into folders and back, so that nothing in a tar reaches outside of its folder
//   Tar/        the format
//   Transfer/   root filesystem tars, OCI layouts and `docker save` archives, in and out
//   Registry/   pulling and pushing (OCI distribution), carried by curl
//   Build/      Dockerfiles
//   System/     digests, files, programs
