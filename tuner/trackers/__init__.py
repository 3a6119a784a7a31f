"""Where else a study is followed: `tracker=NAME`, a file each."""
