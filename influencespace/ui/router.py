"""What runs on every visit: theme, workspace, the strip of what is being computed, and the page."""

from pathlib import Path

import streamlit as st

from influencespace.ui import login, once, work, workspaces
from influencespace.ui.guard import guarded
from influencespace.ui.logo import LOGO, MARK

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "pages"

st.set_page_config("InfluenceSpace", page_icon=MARK, layout="wide", initial_sidebar_state="collapsed")
st.logo(LOGO)
clusters = st.Page(
    PAGES / "clusters.py", title="Clusters", icon=":material/scatter_plot:",
    help="The map of all pairs, and the photos of each topic and cluster.",
)
# The default page has no address of its own; so it is none of those that one can choose, and /clusters can be linked to.
start = st.Page(lambda: None, title="InfluenceSpace", url_path="start", default=True, visibility="hidden")
page = st.navigation(
    [
        start,
        st.Page(PAGES / "data.py", title="Data", icon=":material/photo_library:",
                help="The pairs: how many there are, what was wrong with some, and how to bring in your own."),
        clusters,
        st.Page(PAGES / "influence.py", title="Influence", icon=":material/balance:",
                help="Which clusters help and which harm, overall and for each group."),
        st.Page(PAGES / "curate.py", title="Curate", icon=":material/tune:",
                help="How much to prune and to up-weight, with a reason for each cluster and the last word for you."),
        st.Page(PAGES / "train.py", title="Train", icon=":material/model_training:",
                help="Train on the curated pairs and beside them on others."),
        st.Page(PAGES / "results.py", title="Results", icon=":material/query_stats:",
                help="What was measured: recall, gaps between groups, predicted against actual, and retrievals that changed."),
        st.Page(PAGES / "ablations.py", title="Ablations", icon=":material/science:",
                help="How much each setting of the curation matters, varied one at a time."),
        st.Page(PAGES / "export.py", title="Export", icon=":material/download:",
                help="Write the curated pairs to a file."),
    ],
    position="top",
)
if login.granted():
    if page == start:
        # Before there is a widget that is bound to the address, which could not be left then.
        st.switch_page(clusters, query_params=st.query_params.to_dict())
    once.begin()
    with guarded():
        work.strip(workspaces.choose(workspaces.folder(ROOT)))
        page.run()
