"""The wire: nobody else emits. What was committed to disk arrives here through a feature."""
