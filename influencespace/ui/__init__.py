"""All that the pages share: state, panels, the map, the gallery and the charts. Streamlit and Plotly live here only."""
