"""The app: start it with ``streamlit run app.py``."""

import streamlit as st
from starlette.middleware import Middleware

from influencespace.ui import served, starting
from influencespace.ui.gate import Gate

# The script that Streamlit runs lies apart from pages/, which it would otherwise take for pages of an older kind, each a
# script of its own, until the first visitor has been at the start page.
app = st.App(
    "influencespace/ui/router.py", routes=served.routes(), middleware=[Middleware(Gate)], lifespan=starting.lifespan
)
