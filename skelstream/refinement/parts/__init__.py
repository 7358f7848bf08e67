"""Parts of the body that need a closer look: hands and faces, found in crops that follow from the skeleton."""
