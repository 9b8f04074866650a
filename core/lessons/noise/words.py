CHALLENGE=predict=summary=None
