"""How a dialog moves through its states (dialog/dlg_hash.c next_state_dlg): a table."""
